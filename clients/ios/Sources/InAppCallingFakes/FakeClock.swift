import Foundation

/// A clock that stands still until ``advance(by:)``.
public final class FakeClock: Clock, @unchecked Sendable {
    public struct Instant: InstantProtocol {
        let sinceStart: Duration

        public func advanced(by duration: Duration) -> Self { Self(sinceStart: sinceStart + duration) }
        public func duration(to other: Self) -> Duration { other.sinceStart - sinceStart }
        public static func < (left: Self, right: Self) -> Bool { left.sinceStart < right.sinceStart }
    }

    private struct Sleeper {
        let deadline: Instant
        let continuation: CheckedContinuation<Void, any Error>
    }

    // Guards what follows.
    private let lock = NSLock()
    private var time = Instant(sinceStart: .zero)
    private var sleepers: [UUID: Sleeper] = [:]
    private var cancelled: Set<UUID> = []
    private var slept: [Duration] = []

    public init() {}

    public var now: Instant { lock.withLock { time } }
    public var minimumResolution: Duration { .zero }
    /// What was slept, in the order in which the sleeps began.
    public var sleeps: [Duration] { lock.withLock { slept } }
    /// How many tasks sleep.
    public var sleeping: Int { lock.withLock { sleepers.count } }
    /// How long until the next sleeper wakes.
    public var untilNextWake: Duration? {
        lock.withLock { sleepers.values.map { time.duration(to: $0.deadline) }.min() }
    }

    public func sleep(until deadline: Instant, tolerance: Duration? = nil) async throws {
        let id = UUID()
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Void, any Error>? = lock.withLock {
                    slept.append(time.duration(to: deadline))
                    if cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if deadline <= time { return .success(()) }
                    sleepers[id] = Sleeper(deadline: deadline, continuation: continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let sleeper = lock.withLock {
                let sleeper = sleepers.removeValue(forKey: id)
                if sleeper == nil { cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Wakes whoever sleeps until then.
    public func advance(by duration: Duration) {
        let woken = lock.withLock {
            time = time.advanced(by: duration)
            let due = sleepers.filter { $0.value.deadline <= time }
            for id in due.keys { sleepers[id] = nil }
            return due.values.sorted { $0.deadline < $1.deadline }
        }
        for sleeper in woken { sleeper.continuation.resume() }
    }
}
