using System.Collections.Concurrent;
using System.Text.Json;
using Brook.Lanes;

namespace Brook;

/// <summary>Which event type is which .NET type, and who handles it.</summary>
internal sealed class EventTypes
{
    private const int MaxUnmapped = 10_000;         // names come from outside
    private readonly Dictionary<string, EventType> _mapped;
    private readonly ConcurrentDictionary<string, EventType> _unmapped = new();
    private int _unmappedCount;                     // a concurrent dictionary's own count takes all its locks
    private readonly Dictionary<Type, string> _names = [];
    private readonly HandlerStep[] _untyped;
    private readonly BrookOptions _options;

    /// <param name="mapped">The types that were registered.</param>
    /// <param name="untyped">The handlers of any event: they get the unmapped ones too.</param>
    /// <param name="options">Log limits.</param>
    public EventTypes(IEnumerable<EventType> mapped, HandlerStep[] untyped, BrookOptions options)
    {
        (_mapped, _untyped, _options) = (mapped.ToDictionary(type => type.Name), untyped, options);
        foreach (var type in _mapped.Values) _names.TryAdd(type.DataType, type.Name);
    }

    /// <summary>The types that were registered.</summary>
    public IEnumerable<(Type Data, string Name)> Mapped => _mapped.Values.Select(type => (type.DataType, type.Name));

    /// <summary>Somebody takes events nobody mapped.</summary>
    public bool HandlesUnmapped => _untyped.Length > 0;

    public EventType Find(string name, out bool mapped)
    {
        mapped = _mapped.TryGetValue(name, out var type);
        if (mapped || _unmapped.TryGetValue(name, out type)) return type!;
        type = new EventType<JsonElement>(name, null, _untyped, _options.LogLimitOf(name)) { Unmapped = true };
        if (Volatile.Read(ref _unmappedCount) < MaxUnmapped && _unmapped.TryAdd(name, type)) Interlocked.Increment(ref _unmappedCount);
        return type;
    }

    /// <summary>The name of the event type that <paramref name="data"/> is mapped to; null when it is not.</summary>
    public string? NameOf(Type data) => _names.GetValueOrDefault(data);

    /// <summary>Reads a logged event back: as its type is mapped now, or as JSON where that is not possible (an interface, say, or a type that has changed).</summary>
    public BrookEvent Decode(ReadOnlyMemory<byte> record, IBrookSerializer serializer)
    {
        var raw = EventReader.ReadAny(record, default, default);
        if (raw.Error is not null) throw new BrookException($"A logged event cannot be read back. {raw.Error}");
        try
        {
            return Find(raw.Type, out _).Decode(in raw, serializer);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            var data = JsonElement.Parse(raw.Data.Span, new JsonDocumentOptions { MaxDepth = EventReader.MaxDepth });
            return new EventType<JsonElement>(raw.Type, null, [], 0).Decode(raw with { Message = data }, serializer);
        }
    }
}
