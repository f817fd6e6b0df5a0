import AVFoundation
@preconcurrency import AmazonChimeSDK
import Foundation
import InAppCalling

/// The audio of a call by the Amazon Chime SDK, for an app that announces its calls by CallKit or not.
///
/// The SDK's audio is one for the process, so this object is too: ``shared``.
@MainActor
public final class ChimeMedia: CallMedia {
    public static let shared = ChimeMedia()

    /// Whether CallKit activates the audio and decides in interruptions. With `NoSystemCall` set it to `false` before
    /// the first call.
    public var usesCallKit = true

    /// Connect keeps the place of a caller who has dropped out for a minute; what the SDK has not repaired by then
    /// needs a rejoin.
    private static let reconnectTimeout = 45_000
    /// How long the SDK may take to stop.
    private static let stopPatience = Duration.seconds(3)
    /// The SDK reports a stop a moment before it can start anew.
    private static let pauseAfterStop = Duration.milliseconds(300)

    private struct Running {
        let session: any MeetingSession
        let observer: Observer
        let events: Task<Void, Never>
    }

    // Retained: the SDK ends a session that nobody holds.
    private var running: Running?

    private init() {}

    public func requestMicrophone() async -> Bool {
        if #available(iOS 17, *) {
            return await AVAudioApplication.requestRecordPermission()
        }
        return await withCheckedContinuation { continuation in
            AVAudioSession.sharedInstance().requestRecordPermission { @Sendable granted in
                continuation.resume(returning: granted)
            }
        }
    }

    public func join(_ connection: CallConnection) async -> AsyncStream<MediaEvent> {
        await leave()
        let (stream, output) = AsyncStream.makeStream(of: MediaEvent.self)
        let (input, observed) = AsyncStream.makeStream(of: MediaEvent.self)
        let data = connection.connectionData
        let session = DefaultMeetingSession(
            configuration: Self.configuration(data), logger: ConsoleLogger(name: "InAppCalling", level: .ERROR))
        let observer = Observer(attendeeID: data.attendee.attendeeID, events: observed)
        session.audioVideo.addAudioVideoObserver(observer: observer)
        session.audioVideo.addRealtimeObserver(observer: observer)
        do {
            try session.audioVideo.start(
                audioVideoConfiguration: AudioVideoConfiguration(
                    audioMode: .mono48K, audioDeviceCapabilities: .inputAndOutput, callKitEnabled: usesCallKit,
                    enableAudioRedundancy: true, videoMaxResolution: .videoDisabled,
                    reconnectTimeoutMs: Self.reconnectTimeout))
        } catch {
            Self.close(session, observer)
            output.yield(.stopped(.lost))
            output.finish()
            return stream
        }
        let events = Task {
            for await event in input {
                output.yield(event)
                if case .stopped = event { break }
            }
            // Also after an end by the server, which leaves a socket open. And the SDK holds its observers.
            Self.close(session, observer)
            running = nil
            output.finish()
        }
        running = Running(session: session, observer: observer, events: events)
        return stream
    }

    public func leave() async {
        guard let running else { return }
        running.session.audioVideo.stop()
        let patience = Task {
            try? await Task.sleep(for: Self.stopPatience)
            running.observer.finish()
        }
        await running.events.value
        patience.cancel()
        try? await Task.sleep(for: Self.pauseAfterStop)
    }

    public func setMuted(_ muted: Bool) {
        guard let audio = running?.session.audioVideo else { return }
        _ = muted ? audio.realtimeLocalMute() : audio.realtimeLocalUnmute()
    }

    /// Where the call can be heard, while it runs.
    public var devices: [MediaDevice] { running?.session.audioVideo.listAudioDevices() ?? [] }

    /// Where the call is heard.
    public var device: MediaDevice? { running?.session.audioVideo.getActiveAudioDevice() }

    /// Chooses where the call is heard; call it once the audio runs.
    public func choose(_ device: MediaDevice) {
        if device.type != .audioBuiltInSpeaker {
            // The SDK overrides the output for the speaker and never takes that back.
            try? AVAudioSession.sharedInstance().overrideOutputAudioPort(.none)
        }
        running?.session.audioVideo.chooseAudioDevice(mediaDevice: device)
    }

    /// Turns the speaker on or off.
    public func setSpeaker(_ isOn: Bool) {
        let fitting = devices.first { ($0.type == .audioBuiltInSpeaker) == isOn }
        if let fitting { choose(fitting) }
    }

    private static func close(_ session: any MeetingSession, _ observer: Observer) {
        session.audioVideo.stop()
        session.audioVideo.removeAudioVideoObserver(observer: observer)
        session.audioVideo.removeRealtimeObserver(observer: observer)
    }

    private static func configuration(_ data: CallConnection.ConnectionData) -> MeetingSessionConfiguration {
        let media = data.meeting.mediaPlacement
        return MeetingSessionConfiguration(
            createMeetingResponse: CreateMeetingResponse(
                meeting: AmazonChimeSDK.Meeting(
                    externalMeetingId: nil,
                    mediaPlacement: AmazonChimeSDK.MediaPlacement(
                        audioFallbackUrl: media.audioFallbackURL, audioHostUrl: media.audioHostURL,
                        signalingUrl: media.signalingURL, turnControlUrl: media.turnControlURL,
                        eventIngestionUrl: media.eventIngestionURL),
                    mediaRegion: data.meeting.mediaRegion, meetingId: data.meeting.meetingID)),
            createAttendeeResponse: CreateAttendeeResponse(
                attendee: AmazonChimeSDK.Attendee(
                    attendeeId: data.attendee.attendeeID, externalUserId: data.attendee.attendeeID,
                    joinToken: data.attendee.joinToken.value)))
    }
}

/// Translates the SDK's callbacks. The SDK holds its observers strongly, so this one holds a continuation alone.
private final class Observer: NSObject, AudioVideoObserver, RealtimeObserver, Sendable {
    private let attendeeID: String
    private let events: AsyncStream<MediaEvent>.Continuation

    init(attendeeID: String, events: AsyncStream<MediaEvent>.Continuation) {
        self.attendeeID = attendeeID
        self.events = events
    }

    func finish() { events.finish() }

    func audioSessionDidStart(reconnecting: Bool) { events.yield(reconnecting ? .recovered : .started) }

    func audioSessionDidDrop() { events.yield(.dropped) }

    func audioSessionDidStopWithStatus(sessionStatus: MeetingSessionStatus) {
        events.yield(.stopped(Self.stop(sessionStatus.statusCode)))
    }

    private static func stop(_ code: MeetingSessionStatusCode) -> MediaStop {
        switch code {
        case .ok, .audioServerHungup, .audioCallEnded, .audioDisconnectAudio: .endedByService
        case .audioJoinedFromAnotherDevice: .joinedElsewhere
        case .audioCallAtCapacity: .full
        case .audioInputDeviceNotResponding, .audioOutputDeviceNotResponding: .deviceSilent
        default: .lost
        }
    }

    func attendeesDidJoin(attendeeInfo: [AttendeeInfo]) {
        let others = attendeeInfo.filter { $0.attendeeId != attendeeID }
        if others.contains(where: { $0.externalUserId.hasSuffix("agent") }) { events.yield(.agentMayHaveJoined) }
    }

    // Every method of the two protocols is required.
    func audioSessionDidStartConnecting(reconnecting: Bool) {}
    func audioSessionDidCancelReconnect() {}
    func connectionDidRecover() {}
    func connectionDidBecomePoor() {}
    func videoSessionDidStartConnecting() {}
    func videoSessionDidStartWithStatus(sessionStatus: MeetingSessionStatus) {}
    func videoSessionDidStopWithStatus(sessionStatus: MeetingSessionStatus) {}
    func remoteVideoSourcesDidBecomeAvailable(sources: [RemoteVideoSource]) {}
    func remoteVideoSourcesDidBecomeUnavailable(sources: [RemoteVideoSource]) {}
    func cameraSendAvailabilityDidChange(available: Bool) {}
    func volumeDidChange(volumeUpdates: [VolumeUpdate]) {}
    func signalStrengthDidChange(signalUpdates: [SignalUpdate]) {}
    func attendeesDidLeave(attendeeInfo: [AttendeeInfo]) {}
    func attendeesDidDrop(attendeeInfo: [AttendeeInfo]) {}
    func attendeesDidMute(attendeeInfo: [AttendeeInfo]) {}
    func attendeesDidUnmute(attendeeInfo: [AttendeeInfo]) {}
}
