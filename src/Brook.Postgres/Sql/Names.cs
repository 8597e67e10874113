using System.Text;

namespace Brook.Postgres;

/// <summary>Names as text of PostgreSQL, which has no U+0000: it is U+0001 and 0, and U+0001 is U+0001 and 1. All other names are as they are. What begins with a prefix begins with it afterwards, too.</summary>
internal static class Names
{
    public static string Escape(string name) => name.AsSpan().IndexOfAny('\0', '\u0001') < 0 ? name
        : name.Replace("\u0001", "\u00011", StringComparison.Ordinal).Replace("\0", "\u00010", StringComparison.Ordinal);

    public static string Unescape(string text) => text.Contains('\u0001', StringComparison.Ordinal)
        ? text.Replace("\u00010", "\0", StringComparison.Ordinal).Replace("\u00011", "\u0001", StringComparison.Ordinal)
        : text;

    /// <summary>The first text behind all that begin with a prefix, in the order of code points; null: there is none.</summary>
    public static string? End(string prefix)
    {
        var runes = prefix.EnumerateRunes().ToArray();
        for (var last = runes.Length - 1; last >= 0; last--)
        {
            if (runes[last].Value == 0x10FFFF) continue;
            var next = new Rune(runes[last].Value == 0xD7FF ? 0xE000 : runes[last].Value + 1);
            return string.Concat(string.Concat(runes[..last].Select(rune => rune.ToString())), next.ToString());
        }
        return null;
    }
}
