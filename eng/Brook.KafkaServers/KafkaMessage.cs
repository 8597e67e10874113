namespace Brook.KafkaServers;

/// <summary>A message as <see cref="Kcat"/> and <see cref="PythonKafka"/> write and read it.</summary>
/// <param name="Key">Null is none.</param>
/// <param name="Value">Null removes, in a compacted topic.</param>
/// <param name="Headers">Null is none.</param>
public sealed record KafkaMessage(string? Key, string? Value, IReadOnlyDictionary<string, string>? Headers = null);
