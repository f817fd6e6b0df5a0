/// What a call is about. Every member is optional; which topics and attributes exist, the deployment configures.
public struct StartCallRequest: Hashable, Sendable, Encodable {
    /// What the agent sees of a user whose token has no name. It proves nothing.
    public var displayName: Secret?
    /// One of the configured topics; each has a contact flow.
    public var topic: String?
    /// Context for the agent, such as an order number, under names that the deployment allows.
    public var attributes: [String: Secret]?
    /// More than audio, where the deployment allows it.
    public var capabilities: Capabilities?
    /// The id of a call that was lost for good and that this one continues: the agent sees that the caller came back.
    /// It counts within five minutes of that call's end, and not after a hang-up.
    public var previousContactID: String?

    /// What the call can carry beside audio.
    public struct Capabilities: Hashable, Sendable, Encodable {
        public var video: Bool
        public var screenShare: Bool

        public init(video: Bool = false, screenShare: Bool = false) {
            self.video = video
            self.screenShare = screenShare
        }

        enum CodingKeys: String, CodingKey {
            case video = "Video"
            case screenShare = "ScreenShare"
        }
    }

    public init(
        displayName: String? = nil, topic: String? = nil, attributes: [String: String]? = nil,
        capabilities: Capabilities? = nil, previousContactID: String? = nil
    ) {
        self.displayName = displayName.map(Secret.init)
        self.topic = topic
        self.attributes = attributes?.mapValues(Secret.init)
        self.capabilities = capabilities
        self.previousContactID = previousContactID
    }

    enum CodingKeys: String, CodingKey {
        case displayName = "DisplayName"
        case topic = "Topic"
        case attributes = "Attributes"
        case capabilities = "Capabilities"
        case previousContactID = "PreviousContactId"
    }
}
