using System.Globalization;
using System.Text;

namespace Brook;

/// <summary>The rules for names of collections and keys, the same in every store.</summary>
internal static class Names
{
    public const int MaxCollectionBytes = 256;
    public const int MaxKeyBytes = 1024;

    /// <summary>What people and queues call the instance: the default one is <c>brook</c>.</summary>
    public static string OfInstance(string name) => name.Length == 0 ? "brook" : name;

    public static void CheckCollection(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (string.IsNullOrWhiteSpace(name)) throw new ArgumentException("A collection needs a name that is not blank, 1 to 256 bytes of UTF-8.", nameof(name));
        if (name[0] == '$') throw new ArgumentException($"Collection names beginning with '$' are Brook's own; '{name}' is not allowed. Choose another name.", nameof(name));
        if (name.AsSpan().ContainsAnyInRange('\u0000', '\u001f')) throw new ArgumentException($"The collection name '{Show(name)}' has control characters. Use letters, digits and punctuation.", nameof(name));
        CheckSize(name, MaxCollectionBytes, "collection name", nameof(name));
    }

    public static void CheckKey(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (key.Length == 0) throw new ArgumentException("The key is empty. A key has 1 to 1,024 bytes of UTF-8; is the event's id missing?", nameof(key));
        CheckSize(key, MaxKeyBytes, "key", nameof(key));
    }

    private static void CheckSize(string text, int limit, string what, string parameter)
    {
        if (text.Length * 3 > limit && Encoding.UTF8.GetByteCount(text) is var bytes && bytes > limit)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"The {what} '{Show(text)}' has {bytes:N0} bytes of UTF-8; the limit is {limit:N0}. Use a shorter one, a hash for instance."), parameter);
        if (text.AsSpan().ContainsAnyInRange('\ud800', '\udfff') && HasLoneSurrogate(text))
            throw new ArgumentException($"The {what} '{Show(text)}' is not valid UTF-16 (a lone surrogate), so stores could not tell it from others. Encode it first.", parameter);
    }

    private static bool HasLoneSurrogate(ReadOnlySpan<char> text)
    {
        for (var rest = text; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf16(rest, out _, out var used) != System.Buffers.OperationStatus.Done) return true;
            rest = rest[used..];
        }
        return false;
    }

    /// <summary>Short and printable, for messages.</summary>
    public static string Show(string text)
    {
        var head = text.Length > 60 ? string.Concat(text.AsSpan(0, 60), "...") : text;
        return string.Create(head.Length, head, static (span, from) =>
        {
            for (var i = 0; i < span.Length; i++) span[i] = char.IsControl(from[i]) || char.IsSurrogate(from[i]) ? '?' : from[i];
        });
    }
}
