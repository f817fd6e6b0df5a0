import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Why a request failed, after the repetitions that the contract allows.
public enum CallingError: Error, Sendable {
    /// The service refused it; ``Problem/remedy`` says what the app can do.
    case problem(Problem)
    /// No answer came: no network, or none in time.
    case unreachable(URLError.Code)
    /// An answer that the contract does not describe, such as a proxy's own.
    case unusableAnswer(status: Int)
    /// The app had no token to send.
    case noToken(any Error)
    /// A token goes over `https`, and over `http` only to this device.
    case insecureURL
}

extension CallingError: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String {
        switch self {
        case .problem(let problem): "\(problem.kind) (\(problem.status)), request \(problem.requestID)"
        case .unreachable(let code): "unreachable (\(code.rawValue))"
        case .unusableAnswer(let status): "unusable answer (\(status))"
        // What the app's own error says may be of the token.
        case .noToken(let error): "no token (\(type(of: error)))"
        case .insecureURL: "the address is neither https nor this device's"
        }
    }

    public var debugDescription: String { description }
}
