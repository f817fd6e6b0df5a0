import AVFoundation
@preconcurrency import CallKit
import Foundation
import InAppCalling

/// Announces calls to the phone by CallKit: the call has a place on the lock screen, other calls respect it, and the
/// app may leave the screen.
///
/// Apple refuses CallKit in the App Store of mainland China: use `NoSystemCall` there.
@MainActor
public final class CallKitCall: NSObject, SystemCall {
    public static let shared = CallKitCall()

    /// Whom the phone says that the user calls.
    public var calleeName = "Contact centre"

    private let controller = CXCallController()
    // One for good: a second one would end the first one's calls.
    private lazy var provider = makeProvider()
    private var call: Call?
    private var awake: StayAwake?

    private struct Call {
        let id: UUID
        let events: AsyncStream<SystemEvent>.Continuation
        var endedBySystem = false
    }

    private override init() {}

    public func begin() async throws -> AsyncStream<SystemEvent> {
        _ = provider
        let (stream, events) = AsyncStream.makeStream(of: SystemEvent.self)
        let call = Call(id: UUID(), events: events)
        self.call = call
        do {
            try await request(
                CXStartCallAction(call: call.id, handle: CXHandle(type: .generic, value: calleeName)))
        } catch {
            self.call = nil
            throw error
        }
        return stream
    }

    public func report(_ report: SystemReport) async {
        switch report {
        case .connected(let date):
            if let call { provider.reportOutgoingCall(with: call.id, connectedAt: date) }
        case .muted(let muted):
            if let call { try? await request(CXSetMutedCallAction(call: call.id, muted: muted)) }
        case .held(let held):
            if let call { try? await request(CXSetHeldCallAction(call: call.id, onHold: held)) }
        case .ended(let reason): await end(reason)
        case .settled:
            awake?.finish()
            awake = nil
        }
    }

    private func end(_ reason: CallState.EndReason) async {
        guard let call else { return }
        // Without audio iOS suspends the app, and the service would not hear of the end.
        awake = StayAwake()
        if reason != .hungUp {
            provider.reportCall(with: call.id, endedAt: nil, reason: Self.callKitReason(reason))
        } else if !call.endedBySystem {
            try? await request(CXEndCallAction(call: call.id))
        }
        call.events.finish()
        self.call = nil
    }

    private static func callKitReason(_ reason: CallState.EndReason) -> CXCallEndedReason {
        switch reason {
        case .endedByService: .remoteEnded
        case .joinedElsewhere: .answeredElsewhere
        default: .failed
        }
    }

    private func request(_ action: CXAction) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            controller.request(CXTransaction(action: action)) { @Sendable error in
                if let error { continuation.resume(throwing: error) } else { continuation.resume() }
            }
        }
    }

    private func makeProvider() -> CXProvider {
        let configuration = CXProviderConfiguration()
        configuration.maximumCallGroups = 1
        configuration.maximumCallsPerCallGroup = 1
        configuration.supportsVideo = false
        configuration.supportedHandleTypes = [.generic]
        // A tap on a recent call would have to start one.
        configuration.includesCallsInRecents = false
        let provider = CXProvider(configuration: configuration)
        provider.setDelegate(self, queue: nil)
        return provider
    }

    /// Category and mode only: CallKit activates.
    private func prepareAudio() {
        #if compiler(>=6.2)
            let bluetooth = AVAudioSession.CategoryOptions.allowBluetoothHFP
        #else
            let bluetooth = AVAudioSession.CategoryOptions.allowBluetooth
        #endif
        try? AVAudioSession.sharedInstance().setCategory(.playAndRecord, mode: .voiceChat, options: [bluetooth])
    }
}

// The provider's queue is the main one.
extension CallKitCall: @preconcurrency CXProviderDelegate {
    public func providerDidReset(_ provider: CXProvider) {
        call?.endedBySystem = true
        call?.events.yield(.ended)
        // A provider that was reset may refuse every further call.
        provider.invalidate()
        self.provider = makeProvider()
    }

    public func provider(_ provider: CXProvider, perform action: CXStartCallAction) {
        prepareAudio()
        let update = CXCallUpdate()
        update.remoteHandle = action.handle
        update.localizedCallerName = calleeName
        update.supportsHolding = true
        update.supportsGrouping = false
        update.supportsUngrouping = false
        update.supportsDTMF = true
        update.hasVideo = false
        provider.reportCall(with: action.callUUID, updated: update)
        provider.reportOutgoingCall(with: action.callUUID, startedConnectingAt: nil)
        // At once: an action times out, and the service has half a minute to answer.
        action.fulfill()
    }

    public func provider(_ provider: CXProvider, perform action: CXEndCallAction) {
        call?.endedBySystem = true
        call?.events.yield(.ended)
        action.fulfill()
    }

    public func provider(_ provider: CXProvider, perform action: CXSetMutedCallAction) {
        call?.events.yield(.muted(action.isMuted))
        action.fulfill()
    }

    public func provider(_ provider: CXProvider, perform action: CXSetHeldCallAction) {
        call?.events.yield(.held(action.isOnHold))
        action.fulfill()
    }

    public func provider(_ provider: CXProvider, perform action: CXPlayDTMFCallAction) {
        call?.events.yield(.digits(action.digits))
        action.fulfill()
    }

    public func provider(_ provider: CXProvider, didActivate audioSession: AVAudioSession) {
        call?.events.yield(.audioActivated)
    }

    public func provider(_ provider: CXProvider, didDeactivate audioSession: AVAudioSession) {
        call?.events.yield(.audioDeactivated)
    }
}

/// Keeps the app running until ``finish()``, or until iOS has had enough.
private final class StayAwake: Sendable {
    private let done = DispatchSemaphore(value: 0)

    init() {
        ProcessInfo.processInfo.performExpiringActivity(withReason: "Hang up") { [done] expired in
            if expired { done.signal() } else { done.wait() }
        }
    }

    func finish() { done.signal() }
}
