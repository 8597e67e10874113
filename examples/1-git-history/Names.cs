using System.Security.Cryptography;
using System.Text;

namespace GitHistory;

/// <summary>Names as git has them (any bytes but NUL) as text and keys. Nothing is lost, and a terminal can show the result.</summary>
public static class Names
{
    private const int MaxKeyBytes = 1024, KeptChars = 300;

    /// <summary>UTF-8 as it is, but for control characters and bytes that are no UTF-8: <c>\xNN</c> each. A backslash is doubled, so that it can be undone.</summary>
    public static string Text(ReadOnlySpan<byte> name)
    {
        if (!name.ContainsAnyExceptInRange((byte)' ', (byte)'~') && !name.Contains((byte)'\\')) return Encoding.ASCII.GetString(name);
        var text = new StringBuilder(name.Length);
        while (!name.IsEmpty)
        {
            var valid = Rune.DecodeFromUtf8(name, out var rune, out var used) == System.Buffers.OperationStatus.Done;
            if (rune.Value == '\\') text.Append(@"\\");
            else if (valid && !Rune.IsControl(rune)) text.Append(rune.ToString());
            else foreach (var b in name[..used]) text.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\x{b:x2}");
            name = name[used..];
        }
        return text.ToString();
    }

    /// <summary>The text, or for one too long for a key its beginning and its hash after <c>\#</c>, which no other text has. The events' data has it whole.</summary>
    public static string Key(string text)
    {
        if (text.Length * 3 <= MaxKeyBytes || Encoding.UTF8.GetByteCount(text) is var bytes && bytes <= MaxKeyBytes) return text;
        return $@"{Start(text, KeptChars)}\#{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))}";
    }

    /// <summary>The first <paramref name="length"/> characters at most; a pair is not cut in two.</summary>
    public static string Start(string text, int length)
        => text.Length <= length ? text : text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)];
}
