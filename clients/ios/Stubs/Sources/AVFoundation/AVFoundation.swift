@_exported import Foundation

public final class AVAudioSession: NSObject {
    public enum Category {
        case playAndRecord
    }
    public enum Mode {
        case voiceChat
    }
    public enum PortOverride {
        case none
    }
    public struct CategoryOptions: OptionSet, Sendable {
        public let rawValue: UInt
        public init(rawValue: UInt) { self.rawValue = rawValue }
        public static let allowBluetooth = CategoryOptions(rawValue: 4)
    }
    public class func sharedInstance() -> AVAudioSession { fatalError() }
    public func setCategory(_ category: Category, mode: Mode, options: CategoryOptions = []) throws {}
    public func overrideOutputAudioPort(_ portOverride: PortOverride) throws {}
    public func requestRecordPermission(_ response: @escaping @Sendable (Bool) -> Void) {}
}

public final class AVAudioApplication: NSObject {
    public class func requestRecordPermission() async -> Bool { fatalError() }
}
