import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// One request to the service. It carries the user's token, so its description has only method and path.
public struct ServiceRequest: Sendable, CustomStringConvertible, CustomReflectable {
    public let method: String
    public let url: URL
    public let headers: [String: String]
    public let body: Data?

    public init(method: String, url: URL, headers: [String: String], body: Data?) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    public var description: String { "\(method) \(url.path)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// One answer of the service. It may carry tokens, so its description has only the status.
public struct ServiceAnswer: Sendable, CustomStringConvertible, CustomReflectable {
    public let status: Int
    private let headers: [String: String]
    public let body: Data

    public init(status: Int, headers: [String: String] = [:], body: Data = Data()) {
        self.status = status
        self.headers = Dictionary(
            headers.map { ($0.key.lowercased(), $0.value) }, uniquingKeysWith: { first, _ in first })
        self.body = body
    }

    /// A header, whatever its case.
    public func header(_ name: String) -> String? { headers[name.lowercased()] }

    public var description: String { "\(status)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Sends one request, once. Throws `URLError` when no answer comes.
public protocol Transport: Sendable {
    func send(_ request: ServiceRequest) async throws -> ServiceAnswer
}

/// `URLSession` without cookies, cache and redirects: a token goes to the service alone.
public struct URLSessionTransport: Transport {
    private let session: URLSession

    /// - Parameter timeout: Seconds to wait for an answer. API Gateway gives a function 29.
    public init(timeout: TimeInterval = 30) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        session = URLSession(configuration: configuration, delegate: RefuseRedirects(), delegateQueue: nil)
    }

    public func send(_ request: ServiceRequest) async throws -> ServiceAnswer {
        var urlRequest = URLRequest(url: request.url)
        urlRequest.httpMethod = request.method
        urlRequest.httpBody = request.body
        for (name, value) in request.headers {
            urlRequest.setValue(value, forHTTPHeaderField: name)
        }
        let (body, response) = try await session.data(for: urlRequest)
        guard let response = response as? HTTPURLResponse else { throw URLError(.badServerResponse) }
        var headers: [String: String] = [:]
        for (name, value) in response.allHeaderFields {
            headers["\(name)"] = "\(value)"
        }
        return ServiceAnswer(status: response.statusCode, headers: headers, body: body)
    }

    private final class RefuseRedirects: NSObject, URLSessionTaskDelegate, Sendable {
        func urlSession(
            _ session: URLSession, task: URLSessionTask,
            willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
            completionHandler: @escaping @Sendable (URLRequest?) -> Void
        ) {
            completionHandler(nil)
        }
    }
}
