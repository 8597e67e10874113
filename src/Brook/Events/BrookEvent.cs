using System.Buffers;
using System.Collections.ObjectModel;

namespace Brook;

/// <summary>Something that happened: the untyped form that handlers, views and senders share. Immutable, so thread safe. Follows Brook's <c>Brook.Event</c>.</summary>
public abstract class BrookEvent
{
    /// <summary>The header that carries the correlation id through a chain of events.</summary>
    public const string CorrelationHeader = "correlation-id";

    /// <summary>The header that names the event that caused this one (set on events sent by <see cref="Change.Send{T}"/>).</summary>
    public const string CausationHeader = "causation-id";

    /// <summary>The header with the sender's trace (W3C Trace Context).</summary>
    public const string TraceHeader = "traceparent";

    internal static readonly IReadOnlyDictionary<string, string> NoHeaders = ReadOnlyDictionary<string, string>.Empty;

    private protected BrookEvent(string type)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(type);
        Type = type;
    }

    /// <summary>Recognises the event when it is sent twice: an id that the caller sets is remembered and the event applied once. Left empty, the sender gives a unique one.</summary>
    public Guid Id { get; init; }

    /// <summary>What happened, for instance <c>order:placed</c>.</summary>
    public string Type { get; }

    /// <summary>Who sent it. Left empty, the instance's author (<see cref="BrookOptions.Author"/>).</summary>
    public string Author { get; init; } = "";

    /// <summary>When it happened; milliseconds are kept. Left default, the time of sending.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>What order is kept by: events of one key are applied in the order they were sent. Null: no order promised.</summary>
    public string? Key { get; init; }

    /// <summary>Carried with the event, trace and correlation too. Empty by default, never null.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = NoHeaders;

    /// <summary>Where it stands in its source; default before it was received.</summary>
    public EventPosition Position { get; init; }

    /// <summary>True on a node that hears of the event after another node applied it: handlers run, their changes are not kept.</summary>
    public bool Forwarded { get; init; }

    /// <summary>The .NET value its type is mapped to, else a <see cref="System.Text.Json.JsonElement"/>. Null when null was sent.</summary>
    public object? Data => UntypedData;

    /// <summary>Whether the caller set <see cref="Id"/> (then it is remembered) or the sender made it up.</summary>
    internal bool HasCallersId { get; init; }

    /// <summary>The event's JSON as received, so that the log never serializes it again; empty when there was none.</summary>
    internal ReadOnlyMemory<byte> Record { get; init; }

    private protected abstract object? UntypedData { get; }

    /// <summary>For people: <c>order:placed(42)</c>.</summary>
    public override string ToString() => $"{Type}({Key})";

    internal abstract void WriteData(IBrookSerializer serializer, IBufferWriter<byte> json);

    /// <summary>The same event with what a sender adds.</summary>
    internal abstract BrookEvent Stamped(Guid id, bool callersId, string author, DateTimeOffset createdAt, IReadOnlyDictionary<string, string> headers, bool forwarded = false);
}

/// <summary>An event whose data is a <typeparamref name="T"/>: one type to send, receive and test with.</summary>
/// <param name="type">What happened, for instance <c>order:placed</c>; not empty.</param>
/// <param name="data">The event's own data.</param>
public sealed class BrookEvent<T>(string type, T data) : BrookEvent(type)
{
    /// <summary>The event's own data.</summary>
    public new T Data { get; } = data;

    private protected override object? UntypedData => Data;

    internal override void WriteData(IBrookSerializer serializer, IBufferWriter<byte> json) => serializer.Write(Data, json);

    internal override BrookEvent Stamped(Guid id, bool callersId, string author, DateTimeOffset createdAt, IReadOnlyDictionary<string, string> headers, bool forwarded) => new BrookEvent<T>(Type, Data)
    {
        Id = id, HasCallersId = callersId, Author = author, CreatedAt = createdAt, Key = Key, Headers = headers, Position = Position, Forwarded = forwarded, Record = Record,
    };
}
