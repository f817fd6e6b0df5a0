import AuthenticationServices
import CryptoKit
import Foundation

/// Cognito's sign-in pages: the authorization code grant with a code challenge (PKCE).
struct SignInPages {
    /// The stack output `ManagedLoginUrl`.
    let url: URL
    /// The stack output `UserPoolClientId`.
    let clientID: String
    /// The scheme of a callback URL that the deployment allows, `<scheme>://signed-in`.
    let scheme: String

    enum Failure: Error { case cancelled, refused }

    private struct Tokens: Decodable { let id_token: String }

    /// Returns the identity token.
    @MainActor
    func signIn() async throws -> String {
        let verifier = Self.random()
        let state = Self.random()
        let challenge = Self.base64URL(Data(SHA256.hash(data: Data(verifier.utf8))))
        let callback = try await open(
            page(
                "oauth2/authorize",
                [
                    "response_type": "code", "client_id": clientID, "redirect_uri": redirect, "scope": "openid email",
                    "state": state, "code_challenge": challenge, "code_challenge_method": "S256",
                ]))
        let answer = URLComponents(url: callback, resolvingAgainstBaseURL: false)?.queryItems ?? []
        func value(_ name: String) -> String? { answer.first { $0.name == name }?.value }
        guard let code = value("code"), value("state") == state else { throw Failure.refused }
        var request = URLRequest(url: url.appendingPathComponent("oauth2/token"))
        request.httpMethod = "POST"
        request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
        let form = page(
            "",
            [
                "grant_type": "authorization_code", "client_id": clientID, "redirect_uri": redirect, "code": code,
                "code_verifier": verifier,
            ])
        request.httpBody = URLComponents(url: form, resolvingAgainstBaseURL: false)?.percentEncodedQuery.map {
            Data($0.utf8)
        }
        let (body, _) = try await URLSession.shared.data(for: request)
        return try JSONDecoder().decode(Tokens.self, from: body).id_token
    }

    private var redirect: String { "\(scheme)://signed-in" }

    private func page(_ path: String, _ parameters: [String: String]) -> URL {
        var components = URLComponents(url: url.appendingPathComponent(path), resolvingAgainstBaseURL: false)!
        components.queryItems = parameters.map { URLQueryItem(name: $0.key, value: $0.value) }
        return components.url!
    }

    @MainActor
    private func open(_ page: URL) async throws -> URL {
        let window = Window()
        return try await withCheckedThrowingContinuation { continuation in
            let session = ASWebAuthenticationSession(url: page, callbackURLScheme: scheme) { @Sendable url, _ in
                // Retains the window until now; the session holds it weakly.
                withExtendedLifetime(window) {}
                if let url {
                    continuation.resume(returning: url)
                } else {
                    continuation.resume(throwing: Failure.cancelled)
                }
            }
            session.presentationContextProvider = window
            session.start()
        }
    }

    @MainActor
    private final class Window: NSObject, ASWebAuthenticationPresentationContextProviding {
        func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor {
            ASPresentationAnchor()
        }
    }

    private static func random() -> String {
        base64URL(Data((0..<32).map { _ in UInt8.random(in: .min ... .max) }))
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
            .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
    }
}
