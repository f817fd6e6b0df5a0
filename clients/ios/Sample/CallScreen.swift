import Accessibility
import Foundation
import InAppCalling
import InAppCallingChime
import InAppCallingSystem
import SwiftUI

/// The one screen: call, follow, mute, speaker, keypad, hang up.
struct CallScreen: View {
    let client: CallingClient
    @State private var session: CallSession?
    @State private var state = CallState.idle
    @State private var isMuted = false
    @State private var isOnSpeaker = false
    @State private var showsKeypad = false

    var body: some View {
        // Scrolls, because the largest text sizes need more than a screen.
        ScrollView {
            VStack(spacing: 24) {
                Text(caption).font(.title2).accessibilityAddTraits(.updatesFrequently)
                if let since { Text(since, style: .timer).font(.title3) }
                if state.isActive { controls } else { beforeTheCall }
            }
            .padding()
        }
    }

    @ViewBuilder private var beforeTheCall: some View {
        Text("The call uses the microphone. The agent sees that you are signed in.").font(.body)
        if let call = callToReturnTo {
            Button("Return to your call") { follow { await $0.resume(call) } }
                .buttonStyle(.borderedProminent)
        }
        Button("Call us") { follow { await $0.start() } }
            .buttonStyle(.borderedProminent)
    }

    @ViewBuilder private var controls: some View {
        HStack(spacing: 16) {
            Button(isMuted ? "Unmute" : "Mute") { inCall { await $0.setMuted(!isMuted) } }
                .accessibilityLabel("Microphone")
                .accessibilityValue(isMuted ? "muted" : "on")
            Button(isOnSpeaker ? "Speaker off" : "Speaker") {
                isOnSpeaker.toggle()
                ChimeMedia.shared.setSpeaker(isOnSpeaker)
            }
            .accessibilityLabel("Speaker")
            .accessibilityValue(isOnSpeaker ? "on" : "off")
            Button("Keypad") { showsKeypad.toggle() }
        }
        if state == .held { Button("Go on with the call") { inCall { await $0.setHeld(false) } } }
        if showsKeypad { keypad }
        Button("Hang up") { inCall { await $0.hangUp() } }
            .buttonStyle(.borderedProminent)
            .tint(.red)
    }

    private var keypad: some View {
        VStack(spacing: 8) {
            ForEach(["123", "456", "789", "*0#"], id: \.self) { row in
                HStack(spacing: 8) {
                    ForEach(row.map(String.init), id: \.self) { key in
                        Button(key) { inCall { try? await $0.sendDigits(key) } }
                            .frame(minWidth: 64, minHeight: 64)
                            .accessibilityLabel(["*": "star", "#": "hash"][key] ?? key)
                    }
                }
            }
        }
    }

    private func follow(_ begin: @escaping @Sendable (CallSession) async -> Void) {
        let session = CallSession(client: client, media: ChimeMedia.shared, system: CallKitCall.shared)
        self.session = session
        (isMuted, isOnSpeaker, showsKeypad) = (false, false, false)
        Task {
            await begin(session)
            for await state in await session.states() {
                self.state = state
                announce()
            }
        }
        Task {
            for await muted in await session.mutes() { isMuted = muted }
        }
    }

    private func inCall(_ act: @escaping @Sendable @MainActor (CallSession) async -> Void) {
        guard let session else { return }
        Task { await act(session) }
    }

    private func announce() {
        if #available(iOS 17, *) { AccessibilityNotification.Announcement(caption).post() }
    }

    private var since: Date? {
        switch state {
        case .waiting(let wait): wait.since
        case .connected(let since): since
        default: nil
        }
    }

    private var callToReturnTo: String? {
        guard case .ended(.refused(let problem)) = state, case .resumeOrEnd(let id) = problem.remedy else { return nil }
        return id
    }

    private var caption: String {
        switch state {
        case .idle: "Talk to us"
        case .askingForMicrophone: "May we use the microphone?"
        case .starting, .joining: "Calling"
        case .waiting(let wait): caption(wait)
        case .connected: "In the call"
        case .held: "On hold"
        case .reconnecting, .rejoining: "Reconnecting"
        case .ending: "Hanging up"
        case .ended(let reason): caption(reason)
        }
    }

    private func caption(_ wait: CallState.Wait) -> String {
        var known: [String] = []
        if let position = wait.position { known.append("number \(position) in line") }
        if let expected = wait.expected {
            known.append("up to \(expected.formatted(.units(allowed: [.hours, .minutes, .seconds])))")
        }
        return known.isEmpty ? "Waiting for an agent" : "Waiting: \(known.joined(separator: ", "))"
    }

    private func caption(_ reason: CallState.EndReason) -> String {
        switch reason {
        case .hungUp, .endedByService: "The call has ended"
        case .microphoneDenied: "Allow the microphone in Settings, then call again"
        case .refusedBySystem: "The phone allows no call at present"
        case .joinedElsewhere: "The call goes on elsewhere"
        case .connectionLost: "The connection was lost"
        case .unreachable: "There is no connection"
        case .noToken: "Sign in first"
        case .unusableAnswer: "Calling does not work at present"
        case .refused(let problem): caption(problem.remedy)
        }
    }

    private func caption(_ remedy: Problem.Remedy) -> String {
        switch remedy {
        case .signIn, .signInAnew: "Sign in again, then call"
        case .tryLater(let seconds):
            if let seconds, seconds > 90 { "Try again in \((seconds + 59) / 60) minutes" } else { "Try again" }
        case .resumeOrEnd: "You have a call already"
        case .waitForAgent, .rejoin, .forgetCall: "The call has ended"
        case .inform, .correctApp: "Calling does not work at present"
        }
    }
}
