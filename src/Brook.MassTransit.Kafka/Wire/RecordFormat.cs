namespace Brook.MassTransit.Kafka;

/// <summary>How the events of a topic are written, and how its records are read where their content leaves it open.</summary>
internal sealed class RecordFormat
{
    /// <summary>Brook's own lines; read is all that says by itself what it is.</summary>
    public static RecordFormat Brook { get; } = new();

    /// <summary>The topic is shared with Brook for Elixir: events are written for it, and a record's key is its event's type.</summary>
    public ElixirFormat Elixir { get; init; }

    /// <summary>Every value that is neither Brook's own line nor an event of Elixir's is the data of an event of this type; null: the record says the type.</summary>
    public string? EventType { get; init; }

    /// <summary>A record without a value is an event of this type, with null as its data; null: it is passed over.</summary>
    public string? TombstoneType { get; init; }

    /// <summary>The event type of a MassTransit message, by its urn (<c>urn:message:Orders:OrderPlaced</c>); null: none.</summary>
    public Func<string, string?>? TypeOfMessage { get; init; }

    /// <summary>Of a record's value; a larger one is set aside and not looked into.</summary>
    public int MaxBytes { get; init; } = int.MaxValue;

    /// <summary>MassTransit's message ids are remembered as a caller's: a message that its sender sends twice is one event.</summary>
    public bool RemembersMessageIds { get; init; }
}
