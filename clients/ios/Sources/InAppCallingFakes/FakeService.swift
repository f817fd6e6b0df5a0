import Foundation
import InAppCalling

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// The service in memory, for tests and previews of an app's screens.
///
/// It keeps the contract's rules for one user: one active call, `Idempotency-Key`, rejoining. A call is queued at once
/// and goes on by ``move(to:)``.
public actor FakeService: Transport {
    /// What one request gets instead of its answer.
    public enum Fault: Sendable {
        /// A problem of this type; nothing is performed.
        case problem(String, status: Int, retryAfter: Int? = nil, members: [String: String] = [:])
        /// No network; nothing is performed.
        case unreachable
        /// The request is performed, its answer is lost.
        case cut
        /// An answer that is not the service's own.
        case other(status: Int, body: String)
    }

    /// The operations, as the contract names them.
    public enum Operation: Sendable {
        case getAvailability, startCall, getCall, endCall, rejoinCall, sendDigits
    }

    public private(set) var requests: [ServiceRequest] = []
    public private(set) var digits = ""
    /// The active call.
    public private(set) var activeCall: String?
    /// How many calls were started.
    public private(set) var started = 0

    /// Of a call that waits.
    private var position: Int?
    private var expectedSeconds: Int?
    /// What is known before a call, as the contract has it.
    private var availability: [String: Any] = ["Open": true, "Staffed": true]
    private var state = "CONNECTING"
    private var callsByKey: [String: (body: Data?, contactID: String)] = [:]
    private var latestCall: String?
    private var faults: [Operation: [Fault]] = [:]

    public init() {}

    /// The next request of this operation fails so; further ones queue behind it.
    public func fail(_ operation: Operation, _ fault: Fault) {
        faults[operation, default: []].append(fault)
    }

    /// The call comes to a state: `QUEUED`, `CONNECTED` or `ENDED`.
    public func move(to state: String) {
        self.state = state
        if state == "ENDED" { activeCall = nil }
    }

    /// The call waits at this position, for as long as this.
    public func wait(position: Int?, expectedSeconds: Int?) {
        (self.position, self.expectedSeconds) = (position, expectedSeconds)
    }

    /// Calls are taken, or not; `nil` is not known.
    public func take(calls isOpen: Bool?, staffed isStaffed: Bool? = true, expectedSeconds: Int? = nil) {
        availability = [:]
        availability["Open"] = isOpen
        availability["Staffed"] = isStaffed
        availability["ExpectedWaitSeconds"] = expectedSeconds
    }

    public func send(_ request: ServiceRequest) async throws -> ServiceAnswer {
        requests.append(request)
        let path = request.url.pathComponents
        let operation: Operation =
            switch (request.method, path.last) {
            case ("GET", "availability"): .getAvailability
            case ("POST", "start-call"): .startCall
            case ("POST", "connection"): .rejoinCall
            case ("POST", "digits"): .sendDigits
            case ("DELETE", _): .endCall
            default: .getCall
            }
        if var waiting = faults[operation], !waiting.isEmpty {
            let fault = waiting.removeFirst()
            faults[operation] = waiting
            switch fault {
            case .problem(let slug, let status, let retryAfter, let members):
                return Self.problem(slug, status, retryAfter: retryAfter, members: members)
            case .unreachable: throw URLError(.notConnectedToInternet)
            case .cut:
                _ = perform(operation, request)
                throw URLError(.networkConnectionLost)
            case .other(let status, let body): return ServiceAnswer(status: status, body: Data(body.utf8))
            }
        }
        return perform(operation, request)
    }

    private func perform(_ operation: Operation, _ request: ServiceRequest) -> ServiceAnswer {
        if operation == .startCall { return start(request) }
        if operation == .getAvailability {
            return Self.answer(200, availability.merging(["AskAgainAfterSeconds": 15]) { $1 })
        }
        guard let contactID = latestCall, request.url.path.contains(contactID) else {
            return Self.problem("not-found", 404)
        }
        switch operation {
        case .getCall:
            var status: [String: Any] = [
                "ContactId": contactID, "State": state, "StartedAt": "2026-01-01T10:00:12.120Z",
            ]
            if state != "CONNECTING" { status["QueuedAt"] = "2026-01-01T10:00:14.006Z" }
            if state == "CONNECTED" { status["ConnectedAt"] = "2026-01-01T10:00:41.530Z" }
            if state == "ENDED" { status["EndedAt"] = "2026-01-01T10:06:03.872Z" }
            if state == "QUEUED", let position {
                status["PositionInQueue"] = position
                status["PositionAt"] = "2026-01-01T10:00:21.402Z"
            }
            if state == "QUEUED", let expectedSeconds { status["ExpectedWaitSeconds"] = expectedSeconds }
            if state != "ENDED" { status["AskAgainAfterSeconds"] = state == "CONNECTED" ? 30 : 10 }
            return Self.answer(200, status)
        case .endCall:
            move(to: "ENDED")
            return ServiceAnswer(status: 204)
        case _ where activeCall == nil: return Self.problem("call-ended", 409)
        case .sendDigits:
            let body = (try? JSONDecoder().decode([String: String].self, from: request.body ?? Data())) ?? [:]
            digits += body["Digits"] ?? ""
            return ServiceAnswer(status: 204)
        default: return ServiceAnswer(status: 200, body: Self.connection(contactID))
        }
    }

    private func start(_ request: ServiceRequest) -> ServiceAnswer {
        let key = request.headers["Idempotency-Key"]
        if let key, let known = callsByKey[key] {
            return known.body == request.body
                ? ServiceAnswer(
                    status: 200, headers: ["Idempotent-Replayed": "true"], body: Self.connection(known.contactID))
                : Self.problem("idempotency-key-reused", 422)
        }
        if let activeCall {
            return Self.problem("call-active", 409, members: ["ContactId": activeCall])
        }
        started += 1
        let contactID = "call-\(started)"
        (latestCall, activeCall, state) = (contactID, contactID, "QUEUED")
        if let key { callsByKey[key] = (request.body, contactID) }
        return ServiceAnswer(status: 201, body: Self.connection(contactID))
    }

    private static func problem(
        _ slug: String, _ status: Int, retryAfter: Int? = nil, members: [String: String] = [:]
    ) -> ServiceAnswer {
        var problem: [String: Any] = members
        problem["type"] = "urn:in-app-calling:problem:\(slug)"
        problem["title"] = slug
        problem["status"] = status
        problem["detail"] = "Injected by a fake."
        problem["requestId"] = "fake"
        let body = (try? JSONSerialization.data(withJSONObject: problem)) ?? Data()
        let headers = retryAfter.map { ["Retry-After": "\($0)"] } ?? [:]
        return ServiceAnswer(status: status, headers: headers, body: body)
    }

    private static func answer(_ status: Int, _ members: [String: Any]) -> ServiceAnswer {
        ServiceAnswer(status: status, body: (try? JSONSerialization.data(withJSONObject: members)) ?? Data())
    }

    /// An answer as the contract describes it.
    private static func connection(_ contactID: String) -> Data {
        let media = """
            {"AudioHostUrl": "audio.invalid:3478", "AudioFallbackUrl": "wss://fallback.invalid", \
            "SignalingUrl": "wss://signal.invalid", "TurnControlUrl": "https://turn.invalid"}
            """
        return Data(
            """
            {"ConnectionData": {
                "Attendee": {"AttendeeId": "attendee", "JoinToken": "fake-join-token"},
                "Meeting": {"MeetingId": "meeting", "MediaRegion": "eu-west-2", "MediaPlacement": \(media),
                    "MeetingFeatures": {"Audio": {"EchoReduction": "UNAVAILABLE"}}},
                "MediaPlacement": \(media)},
             "ContactId": "\(contactID)", "ParticipantId": "participant", "ParticipantToken": "fake-token"}
            """.utf8)
    }
}
