using System.Text.Json.Nodes;

namespace Brook;

internal enum ChangeKind { Discard, Create, Merge, Delete, Send }

/// <summary>
/// One thing a handler wants done. A value: nothing happens until the event's batch commits. <c>default</c> is <see cref="Discard"/>.
/// Use with <c>using static Brook.Change;</c>. Follows Brook's handler answers <c>:create | :merge | :delete | :discard</c>.
/// </summary>
public readonly struct Change : IEquatable<Change>
{
    private Change(ChangeKind kind, ICollectionCodec? codec, string? key, object? value) => (Kind, Codec, Key, Value) = (kind, codec, key, value);

    /// <summary>Stores <paramref name="value"/>, whatever was there. A null value is stored, and differs from none.</summary>
    /// <exception cref="ArgumentException">The key is null, empty, over 1,024 bytes of UTF-8 or not valid UTF-16.</exception>
    public static Change Create<T>(ViewCollection<T> collection, string key, T value) => new(ChangeKind.Create, Check(collection, key), key, value);

    /// <summary>Stores what <paramref name="merge"/> returns for the value there is: null (a struct's default) when none or a null is stored. May be called again.</summary>
    /// <exception cref="ArgumentException">The key is null, empty, over 1,024 bytes of UTF-8 or not valid UTF-16, or the function is null.</exception>
    public static Change Merge<T>(ViewCollection<T> collection, string key, Func<T?, T> merge)
    {
        ArgumentNullException.ThrowIfNull(merge);
        return new(ChangeKind.Merge, Check(collection, key), key, merge);
    }

    /// <summary>As the other, starting from a copy of <paramref name="initial"/> when none or a null is stored.</summary>
    /// <exception cref="ArgumentException">The key is null, empty, over 1,024 bytes of UTF-8 or not valid UTF-16, or the function is null.</exception>
    public static Change Merge<T>(ViewCollection<T> collection, string key, T initial, Func<T, T> merge) where T : class
    {
        ArgumentNullException.ThrowIfNull(merge);
        return new(ChangeKind.Merge, Check(collection, key), key, new MergeFrom<T>(initial, merge));
    }

    /// <summary>Replaces the named JSON fields of the stored object, not deeper (a null is stored); when none or a null is stored, stores <paramref name="fields"/> as they are.</summary>
    /// <exception cref="ArgumentException">The key is null, empty, over 1,024 bytes of UTF-8 or not valid UTF-16, or <paramref name="fields"/> is null.</exception>
    public static Change Merge<T>(ViewCollection<T> collection, string key, JsonObject fields)
    {
        ArgumentNullException.ThrowIfNull(fields);
        return new(ChangeKind.Merge, Check(collection, key), key, fields);
    }

    /// <summary>Removes the value and the key's event log. Nothing there: no error.</summary>
    /// <exception cref="ArgumentException">The key is null, empty, over 1,024 bytes of UTF-8 or not valid UTF-16.</exception>
    public static Change Delete<T>(ViewCollection<T> collection, string key) => new(ChangeKind.Delete, Check(collection, key), key, null);

    /// <summary>Sends an event to the instance's stream once this one is committed: exactly once, by an id made from the causing event's id. Not from an event that is replayed (<see cref="BrookOptions.ReplayUntil"/>).</summary>
    /// <exception cref="ArgumentException">The type is empty, or the key is empty, over 1,024 bytes of UTF-8 or not valid UTF-16. A null key is none.</exception>
    public static Change Send<T>(string type, T data, string? key = null)
    {
        if (key is not null) Names.CheckKey(key);
        return new(ChangeKind.Send, null, key, new BrookEvent<T>(type, data) { Key = key });
    }

    /// <summary>Nothing to do: the event leaves no trace in the view.</summary>
    public static Change Discard => default;

    /// <summary>The collection changed; null for <see cref="Discard"/> and <see cref="Send{T}"/>.</summary>
    public string? Collection => Codec?.Name;

    /// <summary>The key changed, or the key of the event to send.</summary>
    public string? Key { get; }

    internal ChangeKind Kind { get; }

    /// <summary>The value, the merge function, the fields or the event to send.</summary>
    internal object? Value { get; init; }

    internal ICollectionCodec? Codec { get; }

    /// <inheritdoc />
    public bool Equals(Change other) => Kind == other.Kind && Collection == other.Collection && Key == other.Key
        && (Equals(Value, other.Value) || (Value is JsonNode mine && other.Value is JsonNode theirs && JsonNode.DeepEquals(mine, theirs)));

    /// <inheritdoc />
    public override bool Equals(object? obj) => obj is Change other && Equals(other);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Kind, Collection, Key);

    /// <summary>Same kind, collection, key and value.</summary>
    public static bool operator ==(Change left, Change right) => left.Equals(right);

    /// <summary>Not <c>==</c>.</summary>
    public static bool operator !=(Change left, Change right) => !left.Equals(right);

    /// <summary>For people and test messages: <c>Create(orders, 42)</c>.</summary>
    public override string ToString() => Kind switch
    {
        ChangeKind.Discard => "Discard",
        ChangeKind.Send => $"Send({Value})",
        _ => $"{Kind}({Collection}, {Key})",
    };

    private static ViewCollection<T> Check<T>(ViewCollection<T> collection, string key)
    {
        ArgumentNullException.ThrowIfNull(collection);
        Names.CheckKey(key);
        return collection;
    }
}
