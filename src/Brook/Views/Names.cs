using System.Globalization;
using System.Text;

namespace Brook;

/// <summary>The rules for names of collections and keys, the same in every store.</summary>
internal static class Names
{
    public const int MaxCollectionBytes = 256;
    public const int MaxKeyBytes = 1024;

    /// <summary>Characters of a name from outside that are quoted.</summary>
    public const int MaxShown = 60;

    /// <summary>Characters of a reason that others' texts are part of: of what is kept with an event that was set aside, of a header of the error queue.</summary>
    public const int MaxReason = 4000;

    /// <summary>What people and queues call the instance: the default one is <c>brook</c>.</summary>
    public static string OfInstance(string name) => name.Length == 0 ? "brook" : name;

    public static void CheckCollection(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (string.IsNullOrWhiteSpace(name)) throw new ArgumentException("A collection needs a name that is not blank, 1 to 256 bytes of UTF-8.", nameof(name));
        if (name[0] == '$') throw new ArgumentException($"Collection names beginning with '$' are Brook's own; '{Show(name)}' is not allowed. Choose another name.", nameof(name));
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

    /// <summary>Whether it has more bytes of UTF-8. Counts only where its length leaves that open.</summary>
    public static bool IsLonger(string? text, int bytes) => text is not null && text.Length * 3L > bytes && (text.Length > bytes || Encoding.UTF8.GetByteCount(text) > bytes);

    /// <summary>A name from outside as messages and logs quote it: short and printable.</summary>
    public static string Show(string? text) => OneLine(text ?? "", MaxShown);

    /// <summary>A text that may quote what came from outside: on one line, without characters that steer a terminal or turn the text round, cut behind <paramref name="most"/>.</summary>
    public static string OneLine(string text, int most = int.MaxValue)
    {
        var head = text.Length > most ? string.Concat(text.AsSpan(0, most), "...") : text;
        for (var i = 0; i < head.Length; i++)
            if (!IsShown(head, ref i)) return Replaced(head);
        return head;
    }

    private static string Replaced(string text) => string.Create(text.Length, text, static (span, from) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            var at = i;
            if (IsShown(from, ref i)) from.AsSpan(at, i - at + 1).CopyTo(span[at..]);
            else span[i] = '?';
        }
    });

    /// <summary>Whether the character may stand in a line; of two that make one the place moves to the second.</summary>
    private static bool IsShown(string text, ref int at)
    {
        if (text[at] is >= ' ' and < '\u007f') return true;
        if (char.IsSurrogate(text[at])) return at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) && ++at > 0;
        return char.GetUnicodeCategory(text[at]) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator);
    }
}
