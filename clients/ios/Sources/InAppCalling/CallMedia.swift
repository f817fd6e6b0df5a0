/// The audio of a call. `InAppCallingChime` has it by the Amazon Chime SDK; a process has one.
public protocol CallMedia: Sendable {
    /// Whether the app may use the microphone. The system asks the user once.
    func requestMicrophone() async -> Bool
    /// Begins to join a meeting. The stream is this join's own and ends after ``MediaEvent/stopped(_:)``; a join that
    /// fails at once has only that. Called when the last meeting has stopped or ``leave()`` has returned.
    func join(_ connection: CallConnection) async -> AsyncStream<MediaEvent>
    /// Returns when nothing is heard or recorded any more; also without a meeting.
    func leave() async
    /// Called when the audio runs. A new join begins unmuted.
    func setMuted(_ muted: Bool) async
}

/// What happens to the audio of one join.
public enum MediaEvent: Hashable, Sendable {
    /// Audio runs.
    case started
    /// The network is gone; the media try to come back by themselves.
    case dropped
    /// They came back.
    case recovered
    /// Somebody has joined who may be an agent. Only the service decides that.
    case agentMayHaveJoined
    /// Nothing runs any more.
    case stopped(MediaStop)
}

/// Why the audio has stopped, unless by ``CallMedia/leave()``.
public enum MediaStop: Hashable, Sendable {
    /// The meeting is over, or the far side has ended the audio: usually the end of the call.
    case endedByService
    /// The caller has joined from another device.
    case joinedElsewhere
    /// The meeting takes nobody any more.
    case full
    /// Microphone or speaker have given nothing for half a minute, as during another call of the phone.
    case deviceSilent
    /// Anything else: network, media server, start.
    case lost
}
