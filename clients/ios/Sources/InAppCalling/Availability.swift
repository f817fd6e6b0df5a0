import Foundation

/// What is known, before a call, of the queue of calls about a topic. What is `nil` is not known: no reason by itself to
/// keep the user from calling.
public struct Availability: Hashable, Sendable, Decodable {
    /// Whether it is within the queue's hours now.
    public let isOpen: Bool?
    /// When it opens next, if it is closed.
    public let opensAt: Date?
    /// When it closes next, if it is open.
    public let closesAt: Date?
    /// Whether an agent is there, busy or not.
    public let isStaffed: Bool?
    /// How long somebody who calls now may wait, rounded up.
    public let expectedWait: Duration?
    /// After how long there may be something new.
    public let askAgainAfter: Duration

    enum CodingKeys: String, CodingKey {
        case isOpen = "Open"
        case opensAt = "OpensAt"
        case closesAt = "ClosesAt"
        case isStaffed = "Staffed"
        case expectedWait = "ExpectedWaitSeconds"
        case askAgainAfter = "AskAgainAfterSeconds"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        isOpen = try container.decodeIfPresent(Bool.self, forKey: .isOpen)
        opensAt = try container.time(.opensAt)
        closesAt = try container.time(.closesAt)
        isStaffed = try container.decodeIfPresent(Bool.self, forKey: .isStaffed)
        expectedWait = try container.seconds(.expectedWait)
        askAgainAfter = .seconds(try container.decode(Int.self, forKey: .askAgainAfter))
    }
}

extension KeyedDecodingContainer {
    /// A time of the contract. The strategy `.iso8601` refuses milliseconds, which the service always sends.
    func time(_ key: Key) throws -> Date? {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        guard let date = try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self, debugDescription: "no time in UTC with milliseconds")
        }
        return date
    }

    /// Whole seconds.
    func seconds(_ key: Key) throws -> Duration? {
        try decodeIfPresent(Int.self, forKey: key).map { .seconds($0) }
    }
}
