using Brook.Lanes;

namespace Brook;

/// <summary>One call of a handler: pure, or reading in a scope of its own.</summary>
internal readonly record struct HandlerStep(Func<BrookEvent, Changes>? Pure, Func<BrookEvent, HandlerContext, CancellationToken, ValueTask<Changes>>? Reading, string Name);

/// <summary>An event type's name, its .NET type and who handles it. Generic once, so that nothing after it needs reflection. Immutable.</summary>
internal abstract class EventType(string name, Type dataType, HandlerStep[] steps, int keep)
{
    public string Name => name;
    public Type DataType => dataType;

    /// <summary>What metrics call it: names that nobody mapped come from outside, and would be without end.</summary>
    public string Tag => Unmapped ? Telemetry.OtherTypes : name;

    public bool Unmapped { get; init; }
    public HandlerStep[] Steps => steps;

    /// <summary>How many records of this type an entry's log keeps.</summary>
    public int Keep => keep;

    /// <summary>Bytes -> event. Throws when the data is not a <see cref="DataType"/>.</summary>
    /// <param name="raw">As it came.</param>
    /// <param name="serializer">The instance's.</param>
    /// <param name="keyed">Whether an event that comes without a key has the one its mapping makes.</param>
    public abstract BrookEvent Decode(in EventEnvelope raw, IBrookSerializer serializer, bool keyed = true);
}

internal sealed class EventType<T>(string name, Func<T, string?>? key, HandlerStep[] steps, int keep) : EventType(name, typeof(T), steps, keep)
{
    public override BrookEvent Decode(in EventEnvelope raw, IBrookSerializer serializer, bool keyed = true)
    {
        var data = raw.Message is T message ? message : serializer.Read<T>(raw.Data.Span)!;
        return new BrookEvent<T>(Name, data)
        {
            Id = raw.Id, HasCallersId = raw.HasCallersId, Author = raw.Author ?? "", CreatedAt = raw.CreatedAt, Key = raw.Key ?? (keyed ? KeyOf(data) : null),
            Headers = raw.Headers ?? BrookEvent.NoHeaders, Position = raw.Position, Record = raw.Record,
        };
    }

    private string? KeyOf(T data)
    {
        if (key?.Invoke(data) is not { } made) return null;
        try { Names.CheckKey(made); }
        catch (ArgumentException e) { throw new BrookException($"The key function of event type '{Name}' gave a key that cannot be one: {e.Message}", e); }
        return made;
    }
}
