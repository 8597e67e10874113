using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Brook.Elixir;
using Brook.Storage;

namespace Brook.Redis;

/// <summary>
/// An entry in Elixir's layout: a state, <c>{"key":...,"value":"JSON as text"}</c>, which Elixir may write as well, and our row beside it, text: version (16 hex digits), SHA-1 of the
/// state that it belongs to (40), end in Unix milliseconds (15 digits, 0: none), types of our appends (length, colon, type). Where the hash does not fit, the version is made of the content.
/// </summary>
internal static class ElixirState
{
    public const int EndDigits = 15, TypesAt = 16 + 40 + EndDigits;
    private static readonly string s_missing = new('0', 16), s_one = new string('0', 15) + "1";

    /// <summary>Missing when there is nothing, it has ended, or it is another entry's of the same name.</summary>
    /// <exception cref="BrookException">It is not what Brook writes.</exception>
    public static StoredEntry Read(byte[]? state, byte[]? row, EntryKey key, DateTimeOffset now)
    {
        if (state is null) return default;
        var (owner, value) = Parse(state, key);
        if (ElixirNames.IsAmbiguous(key) && owner != key.Key) return default;
        var hash = HashOf(state);
        if (row is null || row.Length < TypesAt || !row.AsSpan(16, 40).SequenceEqual(Encoding.ASCII.GetBytes(hash))) return new(VersionOf(hash[..16] == s_missing ? s_one : hash[..16]), value);
        var end = long.Parse(row.AsSpan(56, EndDigits), NumberStyles.None, CultureInfo.InvariantCulture);
        if (end != 0 && end <= now.ToUnixTimeMilliseconds()) return default;
        return new(VersionOf(Encoding.ASCII.GetString(row, 0, 16)), value, end == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(end));
    }

    public static string Hex(long version) => version.ToString("x16", CultureInfo.InvariantCulture);

    public static string Digits(DateTimeOffset? end) => (end is { } at ? Math.Max(1, at.ToUnixTimeMilliseconds()) : 0).ToString("D15", CultureInfo.InvariantCulture);

    private static (string Key, ReadOnlyMemory<byte> Value) Parse(byte[] state, EntryKey key)
    {
        string? owner = null;
        ReadOnlyMemory<byte>? value = null;
        try
        {
            var json = new Utf8JsonReader(state, new JsonReaderOptions { MaxDepth = 1000 });
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) throw new JsonException("it is no JSON object");
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                var (isKey, isValue) = (owner is null && json.ValueTextEquals("key"u8), value is null && json.ValueTextEquals("value"u8));
                json.Read();
                if (isKey) owner = ElixirText.Rendered(ref json, state);
                else if (isValue) value = Text(ref json);
                else json.Skip();
            }
            while (json.Read()) { }
            return (owner ?? throw new JsonException("it has no \"key\""), value ?? throw new JsonException("it has no \"value\""));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new BrookException($"What Redis holds for {key} is not what Brook for Elixir writes: {e.Message} Another program wrote it. Delete or correct it; Create and Delete work over it.", e);
        }
    }

    private static ReadOnlyMemory<byte> Text(ref Utf8JsonReader json)
    {
        if (json.TokenType != JsonTokenType.String) throw new JsonException("its \"value\" is no string");
        var text = new byte[json.ValueSpan.Length];
        return text.AsMemory(0, json.CopyString(text));
    }

#pragma warning disable CA5350 // what the script can compute as well; nothing secret
    private static string HashOf(byte[] state) => Convert.ToHexStringLower(SHA1.HashData(state));
#pragma warning restore CA5350

    private static long VersionOf(string hex) => BinaryPrimitives.ReadInt64BigEndian(Convert.FromHexString(hex));
}
