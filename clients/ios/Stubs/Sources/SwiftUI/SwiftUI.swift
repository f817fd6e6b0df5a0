@_exported import Foundation

@MainActor @preconcurrency public protocol View {
    associatedtype Body: View
    @ViewBuilder var body: Body { get }
}

extension Never: View {
    public var body: Never { return fatalError() }
}

public protocol Leaf: View where Body == Never {}
extension Leaf {
    public var body: Never { return fatalError() }
}

public struct Group<each Content>: Leaf {}
extension Optional: View where Wrapped: View {
    public var body: Never { return fatalError() }
}

@resultBuilder public enum ViewBuilder {
    public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
    public static func buildBlock<each Content: View>(_ content: repeat each Content) -> Group<repeat each Content> {
        Group()
    }
    public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
    public static func buildEither<First: View, Second: View>(first: First) -> Either<First, Second> { Either() }
    public static func buildEither<First: View, Second: View>(second: Second) -> Either<First, Second> { Either() }
}

public struct Either<First: View, Second: View>: Leaf {}

@propertyWrapper @MainActor @preconcurrency public struct State<Value> {
    nonisolated public init(wrappedValue: Value) {}
    nonisolated public init() where Value: ExpressibleByNilLiteral {}
    public var wrappedValue: Value {
        get { fatalError() }
        nonmutating set {}
    }
    public var projectedValue: Binding<Value> { fatalError() }
}

public struct Binding<Value> {}

@MainActor @preconcurrency public protocol Scene {}

@MainActor @preconcurrency public protocol App {
    associatedtype Body: Scene
    var body: Body { get }
    init()
}

extension App {
    public static func main() {}
}

public struct WindowGroup<Content: View>: Scene {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct Text: Leaf {
    public struct DateStyle: Sendable {
        public static let timer = DateStyle()
    }
    public init(_ content: String) {}
    public init(_ date: Date, style: DateStyle) {}
}

public struct Button: Leaf {
    public init(_ title: String, action: @escaping @MainActor () -> Void) {}
}

public struct SecureField: Leaf {
    public init(_ title: String, text: Binding<String>) {}
}

public struct VStack<Content: View>: Leaf {
    public init(spacing: CGFloat?, @ViewBuilder content: () -> Content) {}
}

public struct HStack<Content: View>: Leaf {
    public init(spacing: CGFloat?, @ViewBuilder content: () -> Content) {}
}

public struct ScrollView<Content: View>: Leaf {
    public init(@ViewBuilder content: () -> Content) {}
}

public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: Leaf {
    public init(
        _ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content
    ) {}
}

public struct Font: Sendable {
    public static let title2 = Font()
    public static let title3 = Font()
    public static let body = Font()
}

public struct Color: Sendable {
    public static let red = Color()
}

public struct AccessibilityTraits: Sendable {
    public static let updatesFrequently = AccessibilityTraits()
}

public struct BorderedProminentButtonStyle: Sendable {
    public static let borderedProminent = BorderedProminentButtonStyle()
}

extension View {
    public func font(_ font: Font?) -> some View { self }
    public func padding() -> some View { self }
    public func tint(_ tint: Color?) -> some View { self }
    public func disabled(_ disabled: Bool) -> some View { self }
    public func frame(minWidth: CGFloat?, minHeight: CGFloat?) -> some View { self }
    public func buttonStyle(_ style: BorderedProminentButtonStyle) -> some View { self }
    public func accessibilityLabel(_ label: String) -> some View { self }
    public func accessibilityValue(_ value: String) -> some View { self }
    public func accessibilityAddTraits(_ traits: AccessibilityTraits) -> some View { self }
}
