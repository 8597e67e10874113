using System.Globalization;
using System.Text;

namespace Brook.Postgres;

internal static class Jsonb
{
    /// <summary>False: a string has an escape that jsonb refuses, \u0000 or one half of a surrogate pair.</summary>
    public static bool Holds(ReadOnlySpan<byte> json)
    {
        while (json.IndexOf((byte)'\\') is >= 0 and var at && at + 1 < json.Length)
        {
            if (json[at + 1] != (byte)'u')
            {
                json = json[(at + 2)..];
                continue;
            }
            var unit = UnitAt(json[at..]);
            if (unit is null or 0 || char.IsLowSurrogate((char)unit)) return false;
            json = json[(at + 6)..];
            if (!char.IsHighSurrogate((char)unit)) continue;
            if (UnitAt(json) is not { } low || !char.IsLowSurrogate((char)low)) return false;
            json = json[6..];
        }
        return true;
    }

    private static int? UnitAt(ReadOnlySpan<byte> json)
        => json.Length >= 6 && json.StartsWith("\\u"u8) && int.TryParse(Encoding.ASCII.GetString(json.Slice(2, 4)), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var unit) ? unit : null;
}
