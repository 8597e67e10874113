using System.Buffers;
using System.Text.Json;

namespace Brook;

/// <summary>A lane's own entry in <c>$lanes</c>: who holds it, where it stands, and how far its numbers have gone.</summary>
internal readonly record struct LaneState
{
    public const string Collection = "$lanes";
    [ThreadStatic] private static Utf8JsonWriter? s_writer;

    /// <summary>Raised by each owner that claims the lane.</summary>
    public long Epoch { get; init; }

    /// <summary>The next offset, on transports that count offsets.</summary>
    public long Next { get; init; }

    /// <summary>What the offsets count in: a topic's own id, so that another one of the same name is noticed. Null: the source has none.</summary>
    public string? Source { get; init; }

    /// <summary>How many messages were remembered so far; the ring's next slot.</summary>
    public long Messages { get; init; }

    /// <summary>How many event ids of callers were remembered so far.</summary>
    public long Events { get; init; }

    /// <summary>How many events were set aside so far: the next row's number.</summary>
    public long Parked { get; init; }

    /// <summary>How many events were put into the outbox so far: the next row's number.</summary>
    public long Sent { get; init; }

    /// <summary>A message that was committed in part.</summary>
    public Guid Message { get; init; }

    /// <summary>How many of its events are done.</summary>
    public long Done { get; init; }

    /// <summary>The generation of shared message ids that is filled now.</summary>
    public long Generation { get; init; }

    /// <summary>Unix milliseconds: ids of messages sent up to then may have been forgotten (shared message ids only).</summary>
    public long Horizon { get; init; }

    /// <summary>The store has forgotten what it had: it came back from an older copy, or from none. Numbers never go back otherwise.</summary>
    public bool IsBefore(in LaneState later) => Epoch < later.Epoch || (Epoch == later.Epoch
        && (Next < later.Next || Messages < later.Messages || Parked < later.Parked || Sent < later.Sent || Events < later.Events || LacksPartOf(later)));

    /// <summary>How far, for people: offsets, or messages.</summary>
    public long Behind(in LaneState earlier) => Next != 0 || earlier.Next != 0 ? Next - earlier.Next : Messages - earlier.Messages;

    private bool LacksPartOf(in LaneState later) => Messages == later.Messages && later.Message != default && (Message != later.Message || Done < later.Done);

    public void WriteTo(IBufferWriter<byte> buffer)
    {
        var json = s_writer ??= new Utf8JsonWriter(buffer);
        json.Reset(buffer);
        json.WriteStartObject();
        json.WriteNumber("epoch"u8, Epoch);
        Number("next"u8, Next);
        if (Source is not null) json.WriteString("source"u8, Source);
        Number("messages"u8, Messages);
        Number("events"u8, Events);
        Number("parked"u8, Parked);
        Number("sent"u8, Sent);
        if (Message != default) json.WriteString("message"u8, Message);
        Number("done"u8, Done);
        Number("generation"u8, Generation);
        Number("horizon"u8, Horizon);
        json.WriteEndObject();
        json.Flush();
        json.Reset(Stream.Null);

        void Number(ReadOnlySpan<byte> name, long value)
        {
            if (value != 0) json.WriteNumber(name, value);
        }
    }

    public static LaneState Read(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return default;
        var json = new Utf8JsonReader(value);
        var root = JsonElement.ParseValue(ref json);
        return new()
        {
            Epoch = Number("epoch"), Next = Number("next"), Source = root.TryGetProperty("source", out var source) ? source.GetString() : null, Messages = Number("messages"), Events = Number("events"), Parked = Number("parked"), Sent = Number("sent"),
            Message = root.TryGetProperty("message", out var message) ? message.GetGuid() : default, Done = Number("done"), Generation = Number("generation"), Horizon = Number("horizon"),
        };

        long Number(string name) => root.TryGetProperty(name, out var number) ? number.GetInt64() : 0;
    }
}
