using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Brook;

/// <summary>A named, typed part of a view: key to <typeparamref name="T"/>. Declare one per collection, static. Immutable, so thread safe.</summary>
public sealed class ViewCollection<T> : ICollectionCodec
{
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(365 * 1000);

    /// <summary>Names a collection.</summary>
    /// <exception cref="ArgumentException">The name is empty, over 256 bytes of UTF-8, has control characters or begins with <c>$</c> (those are Brook's own).</exception>
    public ViewCollection(string name)
    {
        Names.CheckCollection(name);
        Name = name;
    }

    /// <summary>The name, the same in every store.</summary>
    public string Name { get; }

    /// <summary>How long an entry lives after its last write; more than 1,000 years is for ever. Default: null, for ever.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is zero or negative.</exception>
    public TimeSpan? TimeToLive
    {
        get;
        init
        {
            if (value <= TimeSpan.Zero) throw new ArgumentOutOfRangeException(nameof(value), value, $"TimeToLive of collection '{Name}' is {value}; it must be positive, or null for ever.");
            field = value > s_longest ? null : value;           // for ever, to all intents
        }
    }

    /// <summary><c>ViewCollection&lt;Order&gt; Orders = "orders"</c>.</summary>
    public static implicit operator ViewCollection<T>(string name) => new(name);

    /// <summary>The name.</summary>
    public override string ToString() => Name;

    Type ICollectionCodec.ValueType => typeof(T);

    object? ICollectionCodec.Read(ReadOnlySpan<byte> json, IBrookSerializer serializer) => serializer.Read<T>(json);

    void ICollectionCodec.Write(object? value, IBrookSerializer serializer, IBufferWriter<byte> json) => serializer.Write((T)value!, json);

    bool ICollectionCodec.IsPlain(IBrookSerializer serializer) => IsPlain(serializer);

    object? ICollectionCodec.Copy(object? value, IBrookSerializer serializer) => value is null ? null : Copy((T)value, serializer);

    object? ICollectionCodec.Merge(object? current, object with, IBrookSerializer serializer) => with switch
    {
        Func<T?, T> merge => merge(current is null ? default : (T)current),
        MergeFrom<T> from => from.Merge(current is null ? Copy(from.Initial, serializer)! : (T)current),
        JsonObject fields => MergeFields(current, fields, serializer),
        _ => throw new InvalidOperationException($"Cannot merge a {with.GetType()} into collection '{Name}'."),
    };

    private static bool IsPlain(IBrookSerializer serializer) => serializer is SystemTextJsonSerializer json && json.Plain.Contain<T>();

    private static T? Copy(T value, IBrookSerializer serializer)
    {
        if (IsPlain(serializer)) return value;
        var json = new ArrayBufferWriter<byte>();
        serializer.Write(value, json);
        return serializer.Read<T>(json.WrittenSpan);
    }

    private T? MergeFields(object? current, JsonObject fields, IBrookSerializer serializer)
    {
        var buffer = new ArrayBufferWriter<byte>();
        JsonObject target = [];
        if (current is not null)
        {
            serializer.Write((T)current, buffer);
            target = JsonNode.Parse(buffer.WrittenSpan) as JsonObject
                ?? throw new InvalidOperationException($"Fields can be merged into a JSON object only; collection '{Name}' holds a {typeof(T).Name}. Use Merge with a function, or Create.");
        }
        foreach (var (name, value) in fields) target[name] = value?.DeepClone();
        buffer.ResetWrittenCount();
        using (var writer = new Utf8JsonWriter(buffer)) target.WriteTo(writer);
        return serializer.Read<T>(buffer.WrittenSpan);
    }
}

/// <summary>The typed operations of a collection for the engine, which itself is not generic.</summary>
internal interface ICollectionCodec
{
    string Name { get; }
    TimeSpan? TimeToLive { get; }
    Type ValueType { get; }
    object? Read(ReadOnlySpan<byte> json, IBrookSerializer serializer);
    void Write(object? value, IBrookSerializer serializer, IBufferWriter<byte> json);
    object? Merge(object? current, object with, IBrookSerializer serializer);

    /// <summary>Its values are all that their JSON says, and never change.</summary>
    bool IsPlain(IBrookSerializer serializer);

    /// <summary>What the value's JSON says, sharing nothing with it; a plain value is itself.</summary>
    object? Copy(object? value, IBrookSerializer serializer);
}

/// <summary>A merge that begins with <paramref name="Initial"/> (a copy of it: the function may change what it is given) where nothing is stored.</summary>
internal sealed record MergeFrom<T>(T Initial, Func<T, T> Merge);
