import Foundation

/// The phone's own idea of the call. `InAppCallingSystem` has it by CallKit.
public protocol SystemCall: Sendable {
    /// Announces an outgoing call. Throws when the system allows none. The stream is this call's own.
    func begin() async throws -> AsyncStream<SystemEvent>
    /// What the call has come to. After ``SystemReport/settled`` nothing follows.
    func report(_ report: SystemReport) async
}

/// What the system, or its user on the lock screen, does with the call.
public enum SystemEvent: Hashable, Sendable {
    /// Audio may run from now on.
    case audioActivated
    case audioDeactivated
    case muted(Bool)
    case held(Bool)
    case digits(String)
    /// The user has hung up, or the system has dropped all calls.
    case ended
}

/// What the system is to show.
public enum SystemReport: Hashable, Sendable {
    case connected(Date?)
    case muted(Bool)
    case held(Bool)
    case ended(CallState.EndReason)
    /// After ``ended(_:)``: the service has been informed, and the app may be suspended.
    case settled
}

/// A call that the phone has no part in, where CallKit is not allowed or not wanted.
///
/// The system then ends the audio soon after the user leaves the app, and when another call comes.
public struct NoSystemCall: SystemCall {
    public init() {}

    public func begin() async -> AsyncStream<SystemEvent> {
        AsyncStream { continuation in
            continuation.yield(.audioActivated)
        }
    }

    public func report(_ report: SystemReport) async {}
}
