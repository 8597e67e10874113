namespace Brook;

/// <summary>Where a partition begins that the view has nothing of. Immutable.</summary>
public sealed class KafkaStart
{
    private KafkaStart(DateTimeOffset? time = null, Func<string, int, long>? offsets = null) => (Time, OffsetOf) = (time, offsets);

    /// <summary>With the first record that the broker has.</summary>
    public static KafkaStart Earliest { get; } = new();

    /// <summary>With the next record that comes.</summary>
    public static KafkaStart Latest { get; } = new();

    /// <summary>With the first record that is not older; at the end, when all are.</summary>
    public static KafkaStart At(DateTimeOffset time) => new(time);

    /// <summary>With the offset that the function gives for a topic and partition.</summary>
    public static KafkaStart Offsets(Func<string, int, long> offsetOf)
    {
        ArgumentNullException.ThrowIfNull(offsetOf);
        return new(offsets: offsetOf);
    }

    internal DateTimeOffset? Time { get; }
    internal Func<string, int, long>? OffsetOf { get; }
}
