import Foundation

/// How far a call has come, as the service has it.
public struct CallStatus: Hashable, Sendable, Decodable {
    public let contactID: String
    public let progress: Progress
    public let startedAt: Date
    /// When the call came into a queue.
    public let queuedAt: Date?
    /// When the first agent took the call.
    public let connectedAt: Date?
    public let endedAt: Date?
    /// With ``Progress/ended``, who ended the call. It may come some seconds after the end.
    public let endedBy: EndedBy?
    /// With ``Progress/ended``, Amazon Connect's code for why, where its events give one; new codes may come.
    public let disconnectReason: String?
    /// With ``Progress/queued``, how long Amazon Connect expects the caller to wait, rounded up.
    public let expectedWait: Duration?
    /// With ``Progress/queued``, where the call stood at ``positionAt``, where that was read within the last minute; 1 is
    /// next.
    public let position: Int?
    public let positionAt: Date?
    /// After how long there may be something new.
    public let askAgainAfter: Duration?

    /// Who ended a call.
    public enum EndedBy: Hashable, Sendable {
        case caller, agent
        /// The contact flow or the network.
        case system
        /// Amazon Connect does not say, perhaps for good.
        case unknown
        /// One that this version of the package does not have.
        case other(String)

        init(_ who: String) {
            self =
                switch who {
                case "CALLER": .caller
                case "AGENT": .agent
                case "SYSTEM": .system
                case "UNKNOWN": .unknown
                default: .other(who)
                }
        }
    }

    /// A step may be passed over, and none comes back.
    public enum Progress: Hashable, Sendable {
        case connecting, queued, connected, ended
        /// One that this version of the package does not have.
        case other(String)

        init(_ state: String) {
            self =
                switch state {
                case "CONNECTING": .connecting
                case "QUEUED": .queued
                case "CONNECTED": .connected
                case "ENDED": .ended
                default: .other(state)
                }
        }
    }

    enum CodingKeys: String, CodingKey {
        case contactID = "ContactId"
        case progress = "State"
        case startedAt = "StartedAt"
        case queuedAt = "QueuedAt"
        case connectedAt = "ConnectedAt"
        case endedAt = "EndedAt"
        case endedBy = "EndedBy"
        case disconnectReason = "DisconnectReason"
        case expectedWait = "ExpectedWaitSeconds"
        case position = "PositionInQueue"
        case positionAt = "PositionAt"
        case askAgainAfter = "AskAgainAfterSeconds"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        contactID = try container.decode(String.self, forKey: .contactID)
        progress = Progress(try container.decode(String.self, forKey: .progress))
        guard let startedAt = try container.time(.startedAt) else {
            throw DecodingError.dataCorruptedError(
                forKey: .startedAt, in: container, debugDescription: "absent")
        }
        self.startedAt = startedAt
        queuedAt = try container.time(.queuedAt)
        connectedAt = try container.time(.connectedAt)
        endedAt = try container.time(.endedAt)
        endedBy = try container.decodeIfPresent(String.self, forKey: .endedBy).map(EndedBy.init)
        disconnectReason = try container.decodeIfPresent(String.self, forKey: .disconnectReason)
        expectedWait = try container.seconds(.expectedWait)
        position = try container.decodeIfPresent(Int.self, forKey: .position)
        positionAt = try container.time(.positionAt)
        askAgainAfter = try container.seconds(.askAgainAfter)
    }
}
