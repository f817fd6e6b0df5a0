/// What an app needs to join a call: the answer to a start and to a rejoin.
///
/// Its tokens are ``Secret``s: they let anybody into the call.
public struct CallConnection: Hashable, Sendable, Decodable {
    /// What the Chime SDK joins with.
    public let connectionData: ConnectionData
    /// The id of the call in this API. Keep it: with it the app comes back into the call after it was killed.
    public let contactID: String
    /// The caller's place in the call.
    public let participantID: String
    /// Hanging up, rejoining and digits do without it.
    public let participantToken: Secret

    enum CodingKeys: String, CodingKey {
        case connectionData = "ConnectionData"
        case contactID = "ContactId"
        case participantID = "ParticipantId"
        case participantToken = "ParticipantToken"
    }

    public struct ConnectionData: Hashable, Sendable, Decodable {
        public let attendee: Attendee
        public let meeting: Meeting

        enum CodingKeys: String, CodingKey {
            case attendee = "Attendee"
            case meeting = "Meeting"
        }
    }

    public struct Attendee: Hashable, Sendable, Decodable {
        public let attendeeID: String
        public let joinToken: Secret

        enum CodingKeys: String, CodingKey {
            case attendeeID = "AttendeeId"
            case joinToken = "JoinToken"
        }
    }

    public struct Meeting: Hashable, Sendable, Decodable {
        public let meetingID: String
        public let mediaRegion: String
        public let mediaPlacement: MediaPlacement
        public let meetingFeatures: MeetingFeatures

        enum CodingKeys: String, CodingKey {
            case meetingID = "MeetingId"
            case mediaRegion = "MediaRegion"
            case mediaPlacement = "MediaPlacement"
            case meetingFeatures = "MeetingFeatures"
        }
    }

    public struct MeetingFeatures: Hashable, Sendable, Decodable {
        public let audio: AudioFeatures

        enum CodingKeys: String, CodingKey {
            case audio = "Audio"
        }
    }

    public struct AudioFeatures: Hashable, Sendable, Decodable {
        /// `AVAILABLE` or `UNAVAILABLE`.
        public let echoReduction: String

        enum CodingKeys: String, CodingKey {
            case echoReduction = "EchoReduction"
        }
    }

    public struct MediaPlacement: Hashable, Sendable, Decodable {
        public let audioHostURL: String
        public let audioFallbackURL: String
        public let signalingURL: String
        public let turnControlURL: String
        public let eventIngestionURL: String?

        enum CodingKeys: String, CodingKey {
            case audioHostURL = "AudioHostUrl"
            case audioFallbackURL = "AudioFallbackUrl"
            case signalingURL = "SignalingUrl"
            case turnControlURL = "TurnControlUrl"
            case eventIngestionURL = "EventIngestionUrl"
        }
    }
}
