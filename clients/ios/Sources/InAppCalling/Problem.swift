/// An error of the service: RFC 9457 problem details.
public struct Problem: Hashable, Sendable, Decodable {
    /// Decide by it, not by ``title`` or ``detail``.
    public let kind: Kind
    public let title: String
    public let status: Int
    public let detail: String
    /// Name it when you ask the operator for help.
    public let requestID: String
    /// With ``Kind/callActive``, the call that is active, once it is known.
    public let contactID: String?
    /// With ``Kind/insufficientUserAuthentication``, how many seconds ago the user may have signed in at most.
    public let maxAge: Int?
    /// With ``Kind/insufficientUserAuthentication``, methods of signing in (RFC 8176) of which one is needed.
    public let amr: [String]?
    /// With ``Kind/invalidRequest``, what is wrong and where.
    public let errors: [Violation]?
    /// When the request may be repeated, in seconds from the answer: its `Retry-After`.
    public internal(set) var retryAfter: Int?

    /// One thing that is wrong with a request.
    public struct Violation: Hashable, Sendable, Decodable {
        /// A JSON pointer into the body, or `header` and a name.
        public let pointer: String
        public let detail: String
    }

    /// Every problem type of the contract.
    public enum Kind: Hashable, Sendable {
        case invalidRequest, unauthorized, insufficientUserAuthentication, callerBlocked, forbidden
        case notFound, callActive, requestInProgress, notPossibleNow, callEnded, agentNotConnected
        case notConnected, tooLarge, unsupportedMediaType, idempotencyKeyReused, rateExceeded
        case throttled, capacityReached, internalError, answerIncomplete, callingStopped, unavailable
        case timeout
        /// One that this version of the package does not have; its type.
        case other(String)
    }

    /// What the app can do, once the client has given up.
    public enum Remedy: Hashable, Sendable {
        /// The user signs in.
        case signIn
        /// The user signs in anew, so recently and by one of these methods. A refreshed token does not help.
        case signInAnew(maxAge: Int?, amr: [String])
        /// The user tries again, after so many seconds where they are known.
        case tryLater(seconds: Int?)
        /// The app offers to rejoin that call (``CallSession/resume(_:)``) or to end it.
        case resumeOrEnd(contactID: String)
        /// The app waits until an agent has taken the call, or hangs up and calls anew.
        case waitForAgent
        /// The app rejoins, then repeats the request.
        case rejoin
        /// The call is over; the app forgets it.
        case forgetCall
        /// An operator has decided this, or the service has failed: the app informs the user.
        case inform
        /// A fault of the app: a repeated request gets the same answer.
        case correctApp
    }

    public var remedy: Remedy {
        switch kind {
        case .unauthorized: .signIn
        case .insufficientUserAuthentication: .signInAnew(maxAge: maxAge, amr: amr ?? [])
        case .requestInProgress, .throttled, .capacityReached, .unavailable, .timeout, .rateExceeded,
            .notPossibleNow:
            .tryLater(seconds: retryAfter)
        case .callActive: contactID.map(Remedy.resumeOrEnd) ?? .tryLater(seconds: retryAfter)
        case .agentNotConnected: .waitForAgent
        case .notConnected: .rejoin
        case .callEnded, .notFound: .forgetCall
        case .callingStopped, .callerBlocked, .answerIncomplete, .internalError, .forbidden, .other: .inform
        case .invalidRequest, .tooLarge, .unsupportedMediaType, .idempotencyKeyReused: .correctApp
        }
    }

    enum CodingKeys: String, CodingKey {
        case type, title, status, detail, errors
        case requestID = "requestId"
        case contactID = "ContactId"
        case maxAge = "MaxAge"
        case amr = "Amr"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        kind = Kind(type: try container.decode(String.self, forKey: .type))
        title = try container.decode(String.self, forKey: .title)
        status = try container.decode(Int.self, forKey: .status)
        detail = try container.decode(String.self, forKey: .detail)
        requestID = try container.decode(String.self, forKey: .requestID)
        contactID = try container.decodeIfPresent(String.self, forKey: .contactID)
        maxAge = try container.decodeIfPresent(Int.self, forKey: .maxAge)
        amr = try container.decodeIfPresent([String].self, forKey: .amr)
        errors = try container.decodeIfPresent([Violation].self, forKey: .errors)
        retryAfter = nil
    }
}

extension Problem.Kind {
    static let named: [String: Self] = [
        "invalid-request": .invalidRequest, "unauthorized": .unauthorized,
        "insufficient-user-authentication": .insufficientUserAuthentication,
        "caller-blocked": .callerBlocked, "forbidden": .forbidden, "not-found": .notFound,
        "call-active": .callActive, "request-in-progress": .requestInProgress,
        "not-possible-now": .notPossibleNow, "call-ended": .callEnded,
        "agent-not-connected": .agentNotConnected, "not-connected": .notConnected,
        "too-large": .tooLarge, "unsupported-media-type": .unsupportedMediaType,
        "idempotency-key-reused": .idempotencyKeyReused, "rate-exceeded": .rateExceeded,
        "throttled": .throttled, "capacity-reached": .capacityReached,
        "internal-error": .internalError, "answer-incomplete": .answerIncomplete,
        "calling-stopped": .callingStopped, "unavailable": .unavailable, "timeout": .timeout,
    ]

    init(type: String) {
        let prefix = "urn:in-app-calling:problem:"
        let slug = type.hasPrefix(prefix) ? String(type.dropFirst(prefix.count)) : ""
        self = Self.named[slug] ?? .other(type)
    }
}
