import InAppCallingFakes

/// Runs the operation, and the clock as soon as somebody sleeps.
func running<Value: Sendable>(
    _ clock: FakeClock, _ operation: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let time = Task {
        while !Task.isCancelled {
            if let pause = clock.untilNextWake { clock.advance(by: pause) }
            try? await Task.sleep(for: .milliseconds(1))
        }
    }
    defer { time.cancel() }
    return try await operation()
}
