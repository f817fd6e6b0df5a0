import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The service's six operations.
///
/// Each repeats its request as the contract allows: the same bytes under the same `Idempotency-Key`, after `Retry-After`
/// or with growing pauses, within a minute. Then it throws a ``CallingError``, or `CancellationError` if its task was
/// cancelled.
///
/// ``CallSession`` drives a whole call with it.
public struct CallingClient: Sendable {
    private let apiURL: URL
    private let transport: any Transport
    private let clock: any Clock<Duration>
    private let jitter: @Sendable () -> Double
    private let token: TokenSource

    /// Returns the token of the signed-in user. `true` requests one that was not returned before: the service has
    /// refused the last one.
    public typealias TokenSource = @Sendable (_ forceRefresh: Bool) async throws -> String

    /// How long a request is repeated. The service keeps an `Idempotency-Key` for two minutes, unless it is configured
    /// otherwise; the last repetition may take half a minute.
    static let repeatWithin = Duration.seconds(60)

    /// - Parameters:
    ///   - apiURL: The stack output `ApiUrl`.
    ///   - transport: Sends one request, once.
    ///   - clock: What the pauses between repetitions are measured with.
    ///   - jitter: The part of a pause that is waited, 0 to 1, where the service names none.
    ///   - token: Called for each request. Keep the token in it, or in what it calls, rather than in a log.
    public init(
        apiURL: URL, transport: any Transport = URLSessionTransport(),
        clock: any Clock<Duration> = ContinuousClock(),
        jitter: @escaping @Sendable () -> Double = { .random(in: 0.5...1) }, token: @escaping TokenSource
    ) {
        self.apiURL = apiURL
        self.transport = transport
        self.clock = clock
        self.jitter = jitter
        self.token = token
    }

    /// Starts a call, or returns the one that this key has started.
    ///
    /// - Parameters:
    ///   - request: What the call is about.
    ///   - key: A new one for each tap; see ``newKey()``.
    public func startCall(_ request: StartCallRequest = StartCallRequest(), key: String) async throws
        -> CallConnection
    {
        try decoded(await send("POST", ["start-call"], body: encoded(request), key: key))
    }

    /// Whether calls about a topic, or about none, are taken. Not before ``Availability/askAgainAfter`` again.
    public func availability(topic: String? = nil) async throws -> Availability {
        try decoded(await send("GET", ["availability"], query: topic.map { ("Topic", $0) }))
    }

    /// How far the user's latest call has come. Not before ``CallStatus/askAgainAfter`` again: the firewall refuses an
    /// address that sends too many requests.
    public func status(of contactID: String) async throws -> CallStatus {
        try decoded(await send("GET", ["calls", contactID]))
    }

    /// Hangs up, also while the call is being connected or waits in a queue. Leave the meeting too.
    ///
    /// A call that has ended already, and one that the service does not have, are hung up just as well.
    public func endCall(_ contactID: String) async throws {
        do {
            _ = try await send("DELETE", ["calls", contactID])
        } catch CallingError.problem(let problem) where problem.remedy == .forgetCall {}
    }

    /// What the app needs to join the call again.
    public func rejoinCall(_ contactID: String) async throws -> CallConnection {
        try decoded(await send("POST", ["calls", contactID, "connection"], body: Data("{}".utf8)))
    }

    /// Sends DTMF digits: `0-9 * #`, and a comma for a pause.
    ///
    /// - Parameters:
    ///   - digits: At most 20.
    ///   - contactID: The call's.
    ///   - key: A new one for each press of a key, so that a repeated request types it once.
    public func sendDigits(_ digits: String, to contactID: String, key: String = newKey()) async throws {
        let body = try encoded(["Digits": digits])
        _ = try await send("POST", ["calls", contactID, "digits"], body: body, key: key)
    }

    /// An `Idempotency-Key` that nobody has used.
    public static func newKey() -> String { UUID().uuidString }

    private func encoded(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        // The service compares the bytes of a repeated request.
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(value)
    }

    private func decoded<Value: Decodable>(_ answer: ServiceAnswer) throws -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: answer.body)
        } catch {
            // The decoder's own error can quote the answer, and the answer holds tokens.
            throw CallingError.unusableAnswer(status: answer.status)
        }
    }

    private func url(_ path: [String], query: (name: String, value: String)?) throws -> URL {
        let isHere = ["localhost", "127.0.0.1", "::1"].contains(apiURL.host ?? "")
        guard apiURL.scheme == "https" || (apiURL.scheme == "http" && isHere) else {
            throw CallingError.insecureURL
        }
        var text = apiURL.absoluteString
        while text.hasSuffix("/") { text.removeLast() }
        // An id is opaque; a slash or a question mark in it is a part of it.
        let allowed = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        for part in path {
            text += "/" + (part.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")
        }
        if let query {
            text += "?\(query.name)=" + (query.value.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")
        }
        guard let url = URL(string: text) else { throw CallingError.insecureURL }
        return url
    }

    private func send(
        _ method: String, _ path: [String], query: (name: String, value: String)? = nil, body: Data? = nil,
        key: String? = nil
    ) async throws -> ServiceAnswer {
        let url = try url(path, query: query)
        let elapsed = clock.stopwatch()
        var attempts = Attempts(jitter: jitter)
        var forceRefresh = false
        while true {
            try Task.checkCancellation()
            let failure: CallingError
            do {
                let answer = try await transport.send(
                    ServiceRequest(
                        method: method, url: url,
                        headers: try await headers(key: key, hasBody: body != nil, forceRefresh: forceRefresh),
                        body: body))
                if 200..<300 ~= answer.status { return answer }
                failure = CallingError(answer)
            } catch let error as URLError {
                // A cancelled task's request ends as a URLError.
                try Task.checkCancellation()
                failure = .unreachable(error.code)
            }
            guard let next = attempts.next(after: failure),
                elapsed() + next.pause < Self.repeatWithin
            else { throw failure }
            forceRefresh = next.forceRefresh
            try await clock.sleep(for: next.pause)
        }
    }

    private func headers(key: String?, hasBody: Bool, forceRefresh: Bool) async throws -> [String: String] {
        var headers = ["Accept": "application/json, application/problem+json"]
        do {
            headers["Authorization"] = "Bearer \(try await token(forceRefresh))"
        } catch {
            try Task.checkCancellation()
            throw CallingError.noToken(error)
        }
        if hasBody { headers["Content-Type"] = "application/json" }
        headers["Idempotency-Key"] = key
        return headers
    }
}

extension CallingClient: CustomReflectable {
    /// Without what the app's closures hold.
    public var customMirror: Mirror { Mirror(self, children: ["apiURL": apiURL]) }
}

extension CallingError {
    init(_ answer: ServiceAnswer) {
        guard var problem = try? JSONDecoder().decode(Problem.self, from: answer.body) else {
            self = .unusableAnswer(status: answer.status)
            return
        }
        problem.retryAfter = answer.header("Retry-After").flatMap { Int($0) }.map { max($0, 0) }
        self = .problem(problem)
    }
}

/// What is waited for before a request is repeated, if it is.
struct Attempts {
    let jitter: @Sendable () -> Double
    private var failures = 0
    private var refreshed = false
    private var repeatedFault = false

    init(jitter: @escaping @Sendable () -> Double) {
        self.jitter = jitter
    }

    mutating func next(after failure: CallingError) -> (pause: Duration, forceRefresh: Bool)? {
        failures += 1
        switch failure {
        case .problem(let problem):
            switch problem.kind {
            case .unauthorized:
                defer { refreshed = true }
                return refreshed ? nil : (.zero, true)
            case .requestInProgress, .throttled, .capacityReached, .unavailable, .timeout:
                return (pause(problem.retryAfter), false)
            case .callActive where problem.contactID == nil:
                return (pause(problem.retryAfter), false)
            case .notPossibleNow where problem.retryAfter != nil:
                return (pause(problem.retryAfter), false)
            case .internalError, .answerIncomplete:
                defer { repeatedFault = true }
                return repeatedFault ? nil : (pause(problem.retryAfter), false)
            default: return nil
            }
        case .unreachable: return (pause(nil), false)
        // A load balancer's or a proxy's.
        case .unusableAnswer(let status): return [429, 502, 503, 504].contains(status) ? (pause(nil), false) : nil
        case .noToken, .insecureURL: return nil
        }
    }

    /// The service's seconds, or 1, 2, 4, 8, 8 … seconds less some jitter.
    private func pause(_ retryAfter: Int?) -> Duration {
        if let retryAfter { return .seconds(retryAfter) }
        return .seconds(Double(1 << min(failures - 1, 3)) * jitter())
    }
}

extension Clock where Duration == Swift.Duration {
    /// Returns how much time has passed since this call.
    fileprivate func stopwatch() -> @Sendable () -> Duration {
        let start = now
        return { start.duration(to: now) }
    }
}
