namespace Brook;

/// <summary>Names the event type of the annotated data type. Without it <c>OrderPlaced</c> is <c>order:placed</c> and <c>OrderLineAdded</c> is <c>order:line_added</c>.</summary>
/// <param name="name">The event type, for instance <c>order:placed</c>.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Interface, Inherited = false)]
public sealed class EventTypeAttribute(string name) : Attribute
{
    /// <summary>The event type.</summary>
    public string Name { get; } = name;
}
