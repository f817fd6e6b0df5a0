import Foundation

/// Where a call stands, as a screen shows it.
public enum CallState: Hashable, Sendable {
    case idle
    /// The system shows its question about the microphone, if the user has not answered it before.
    case askingForMicrophone
    case starting
    /// The call exists; its audio is being connected.
    case joining
    /// Audio is connected; no agent has taken the call.
    case waiting(Wait)
    /// An agent has taken the call, at `since`.
    case connected(since: Date?)
    /// Another call of the phone goes first, or the user holds this one. Nothing is heard or said; the place in the
    /// queue is kept.
    case held
    /// The network is gone; the audio comes back by itself, as ``waiting(_:)`` or ``connected(since:)``, or the
    /// call goes on to ``rejoining``.
    case reconnecting
    /// The audio was lost; the session comes back into the call.
    case rejoining
    /// The user has hung up, or the call cannot go on; the service is being informed.
    case ending
    case ended(EndReason)

    /// What is known of a wait. What is `nil` is not known: where many wait, most know no position.
    public struct Wait: Hashable, Sendable {
        /// When the call came into a queue.
        public var since: Date?
        /// Where it stood at ``positionAt``; 1 is next.
        public var position: Int?
        public var positionAt: Date?
        /// How long the wait may take, rounded up.
        public var expected: Duration?

        public init(since: Date? = nil, position: Int? = nil, positionAt: Date? = nil, expected: Duration? = nil) {
            self.since = since
            self.position = position
            self.positionAt = positionAt
            self.expected = expected
        }
    }

    /// Why a call has ended.
    public enum EndReason: Hashable, Sendable {
        /// By the user of this device.
        case hungUp
        /// By the agent, the contact flow or the service.
        case endedByService
        /// The user keeps the app from using the microphone; only *Settings* changes that.
        case microphoneDenied
        /// The phone allows no call, for example because another app's is going on.
        case refusedBySystem
        /// The same call was joined elsewhere.
        case joinedElsewhere
        /// The audio could not be connected, or not again.
        case connectionLost
        /// The service refused; ``Problem/remedy`` says what the app can do.
        case refused(Problem)
        /// No answer came.
        case unreachable
        /// The app had no token to send.
        case noToken
        /// The service, or what stands before it, answered something that the contract does not describe.
        case unusableAnswer
    }

    /// Whether a call is going on, so that a button hangs up rather than calls.
    public var isActive: Bool {
        switch self {
        case .idle, .ended: false
        default: true
        }
    }
}

extension CallState.EndReason {
    init(_ error: CallingError) {
        self =
            switch error {
            case .problem(let problem): .refused(problem)
            case .unreachable: .unreachable
            case .noToken: .noToken
            case .unusableAnswer, .insecureURL: .unusableAnswer
            }
    }
}
