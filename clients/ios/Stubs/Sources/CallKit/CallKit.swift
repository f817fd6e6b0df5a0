import AVFoundation
@_exported import Foundation

public class CXProviderConfiguration: NSObject {
    public var maximumCallGroups: Int {
        get { fatalError() }
        set {}
    }
    public var maximumCallsPerCallGroup: Int {
        get { fatalError() }
        set {}
    }
    public var supportsVideo: Bool {
        get { fatalError() }
        set {}
    }
    public var includesCallsInRecents: Bool {
        get { fatalError() }
        set {}
    }
    public var supportedHandleTypes: Set<CXHandle.HandleType> {
        get { fatalError() }
        set {}
    }
}

public class CXHandle: NSObject {
    public enum HandleType: Int, Sendable {
        case generic = 1
    }
    public init(type: HandleType, value: String) {}
}

public class CXAction: NSObject {
    public func fulfill() {}
}

public class CXCallAction: CXAction {
    public var callUUID: UUID { fatalError() }
}

public class CXStartCallAction: CXCallAction {
    public init(call: UUID, handle: CXHandle) {}
    public var handle: CXHandle {
        get { fatalError() }
        set {}
    }
}

public class CXEndCallAction: CXCallAction {
    public init(call: UUID) {}
}

public class CXSetHeldCallAction: CXCallAction {
    public init(call: UUID, onHold: Bool) {}
    public var isOnHold: Bool {
        get { fatalError() }
        set {}
    }
}

public class CXSetMutedCallAction: CXCallAction {
    public init(call: UUID, muted: Bool) {}
    public var isMuted: Bool {
        get { fatalError() }
        set {}
    }
}

public class CXPlayDTMFCallAction: CXCallAction {
    public var digits: String {
        get { fatalError() }
        set {}
    }
}

public class CXTransaction: NSObject {
    public convenience init(action: CXAction) { self.init() }
}

public class CXCallController: NSObject {
    public func request(_ transaction: CXTransaction, completion: @escaping @Sendable ((any Error)?) -> Void) {}
}

public class CXCallUpdate: NSObject {
    public var remoteHandle: CXHandle? {
        get { fatalError() }
        set {}
    }
    public var localizedCallerName: String? {
        get { fatalError() }
        set {}
    }
    public var supportsHolding: Bool {
        get { fatalError() }
        set {}
    }
    public var supportsGrouping: Bool {
        get { fatalError() }
        set {}
    }
    public var supportsUngrouping: Bool {
        get { fatalError() }
        set {}
    }
    public var supportsDTMF: Bool {
        get { fatalError() }
        set {}
    }
    public var hasVideo: Bool {
        get { fatalError() }
        set {}
    }
}

public enum CXCallEndedReason: Int, Sendable {
    case failed = 1
    case remoteEnded
    case answeredElsewhere = 4
}

public class CXProvider: NSObject {
    public init(configuration: CXProviderConfiguration) {}
    public func setDelegate(_ delegate: (any CXProviderDelegate)?, queue: DispatchQueue?) {}
    public func reportOutgoingCall(with UUID: UUID, startedConnectingAt dateStartedConnecting: Date?) {}
    public func reportOutgoingCall(with UUID: UUID, connectedAt dateConnected: Date?) {}
    public func reportCall(with UUID: UUID, updated update: CXCallUpdate) {}
    public func reportCall(with UUID: UUID, endedAt dateEnded: Date?, reason endedReason: CXCallEndedReason) {}
    public func invalidate() {}
}

// Without Objective-C an optional method is one with a default.
public protocol CXProviderDelegate: NSObjectProtocol {
    func providerDidReset(_ provider: CXProvider)
    func provider(_ provider: CXProvider, perform action: CXStartCallAction)
    func provider(_ provider: CXProvider, perform action: CXEndCallAction)
    func provider(_ provider: CXProvider, perform action: CXSetMutedCallAction)
    func provider(_ provider: CXProvider, perform action: CXSetHeldCallAction)
    func provider(_ provider: CXProvider, perform action: CXPlayDTMFCallAction)
    func provider(_ provider: CXProvider, didActivate audioSession: AVAudioSession)
    func provider(_ provider: CXProvider, didDeactivate audioSession: AVAudioSession)
}

// Apple's Foundation has it, the one of Linux does not.
extension ProcessInfo {
    public func performExpiringActivity(withReason reason: String, using block: @escaping @Sendable (Bool) -> Void) {}
}
