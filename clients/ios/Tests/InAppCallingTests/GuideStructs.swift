// The owner's click-to-call guide, word for word: apps that follow it decode this service's answer.

struct StartCallResponse: Codable {
    let ConnectionData: ConnectionDataModel
}

struct ConnectionDataModel: Codable {
    let Meeting: MeetingModel
    let Attendee: AttendeeModel
    let MediaPlacement: MediaPlacementModel
}

struct MeetingModel: Codable {
    let MeetingId: String
}

struct AttendeeModel: Codable {
    let AttendeeId: String
    let JoinToken: String
}

struct MediaPlacementModel: Codable {
    let AudioFallbackUrl: String
    let AudioHostUrl: String
    let SignalingUrl: String
    let TurnControlUrl: String
}
