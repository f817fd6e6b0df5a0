@_exported import Foundation

public class Attendee: NSObject {
    public init(attendeeId: String, externalUserId: String, joinToken: String) {}
}

public class MediaPlacement: NSObject {
    public init(
        audioFallbackUrl: String, audioHostUrl: String, signalingUrl: String, turnControlUrl: String,
        eventIngestionUrl: String?
    ) {}
}

public class Meeting: NSObject {
    public init(externalMeetingId: String?, mediaPlacement: MediaPlacement, mediaRegion: String, meetingId: String) {}
}

public class CreateMeetingResponse: NSObject {
    public init(meeting: Meeting) {}
}

public class CreateAttendeeResponse: NSObject {
    public init(attendee: Attendee) {}
}

public class MeetingSessionConfiguration: NSObject {
    public init(createMeetingResponse: CreateMeetingResponse, createAttendeeResponse: CreateAttendeeResponse) {}
}

public enum LogLevel: Int {
    case ERROR = 4
}

public protocol Logger {}

public class ConsoleLogger: NSObject, Logger {
    public init(name: String, level: LogLevel) {}
}

public protocol MeetingSession {
    var audioVideo: AudioVideoFacade { get }
}

public class DefaultMeetingSession: NSObject, MeetingSession {
    public init(configuration: MeetingSessionConfiguration, logger: Logger) {}
    public var audioVideo: AudioVideoFacade { fatalError() }
}

public enum AudioMode: Int {
    case mono48K = 2
}

public enum AudioDeviceCapabilities: Int {
    case inputAndOutput = 2
}

public class VideoResolution: NSObject {
    public static var videoDisabled: VideoResolution { fatalError() }
}

public class AudioVideoConfiguration: NSObject {
    public init(
        audioMode: AudioMode, audioDeviceCapabilities: AudioDeviceCapabilities, callKitEnabled: Bool,
        enableAudioRedundancy: Bool, videoMaxResolution: VideoResolution, reconnectTimeoutMs: Int
    ) {}
}

public enum MeetingSessionStatusCode: UInt32 {
    case ok = 0
    case audioServerHungup = 60
    case audioJoinedFromAnotherDevice = 61
    /// Stands for the many others, which a `default` is for.
    case audioAuthenticationRejected = 63
    case audioCallAtCapacity = 64
    case audioDisconnectAudio = 69
    case audioCallEnded = 75
    case audioInputDeviceNotResponding = 82
    case audioOutputDeviceNotResponding = 83
}

public class MeetingSessionStatus: NSObject {
    public var statusCode: MeetingSessionStatusCode { fatalError() }
}

public class AttendeeInfo: NSObject {
    public var attendeeId: String { fatalError() }
    public var externalUserId: String { fatalError() }
}

public class VolumeUpdate: NSObject {}

public class SignalUpdate: NSObject {}

public class RemoteVideoSource: NSObject {}

public enum MediaDeviceType: Int {
    case audioBuiltInSpeaker = 2
}

public class MediaDevice: NSObject {
    public var type: MediaDeviceType { fatalError() }
}

public protocol AudioVideoFacade {
    func start(audioVideoConfiguration: AudioVideoConfiguration) throws
    func stop()
    func addAudioVideoObserver(observer: AudioVideoObserver)
    func removeAudioVideoObserver(observer: AudioVideoObserver)
    func addRealtimeObserver(observer: RealtimeObserver)
    func removeRealtimeObserver(observer: RealtimeObserver)
    func realtimeLocalMute() -> Bool
    func realtimeLocalUnmute() -> Bool
    func listAudioDevices() -> [MediaDevice]
    func chooseAudioDevice(mediaDevice: MediaDevice)
    func getActiveAudioDevice() -> MediaDevice?
}

public protocol AudioVideoObserver {
    func audioSessionDidStartConnecting(reconnecting: Bool)
    func audioSessionDidStart(reconnecting: Bool)
    func audioSessionDidDrop()
    func audioSessionDidStopWithStatus(sessionStatus: MeetingSessionStatus)
    func audioSessionDidCancelReconnect()
    func connectionDidRecover()
    func connectionDidBecomePoor()
    func videoSessionDidStartConnecting()
    func videoSessionDidStartWithStatus(sessionStatus: MeetingSessionStatus)
    func videoSessionDidStopWithStatus(sessionStatus: MeetingSessionStatus)
    func remoteVideoSourcesDidBecomeAvailable(sources: [RemoteVideoSource])
    func remoteVideoSourcesDidBecomeUnavailable(sources: [RemoteVideoSource])
    func cameraSendAvailabilityDidChange(available: Bool)
}

public protocol RealtimeObserver {
    func volumeDidChange(volumeUpdates: [VolumeUpdate])
    func signalStrengthDidChange(signalUpdates: [SignalUpdate])
    func attendeesDidJoin(attendeeInfo: [AttendeeInfo])
    func attendeesDidLeave(attendeeInfo: [AttendeeInfo])
    func attendeesDidDrop(attendeeInfo: [AttendeeInfo])
    func attendeesDidMute(attendeeInfo: [AttendeeInfo])
    func attendeesDidUnmute(attendeeInfo: [AttendeeInfo])
}
