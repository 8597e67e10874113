using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Brook.Elixir;

/// <summary>Text in JSON as Brook for Elixir has it, both ways.</summary>
internal static class ElixirText
{
    private static readonly SearchValues<byte> s_escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(c => (byte)c), (byte)'"', (byte)'\\']);

    /// <summary>A JSON string, escaped as Jason does: quotes, backslashes and control characters, nothing else.</summary>
    public static void Quote(ReadOnlySpan<byte> text, IBufferWriter<byte> to)
    {
        to.Write("\""u8);
        for (int end; (end = text.IndexOfAny(s_escaped)) >= 0; text = text[(end + 1)..])
        {
            to.Write(text[..end]);
            switch (text[end])
            {
                case (byte)'"': to.Write("\\\""u8); break;
                case (byte)'\\': to.Write("\\\\"u8); break;
                case (byte)'\b': to.Write("\\b"u8); break;
                case (byte)'\t': to.Write("\\t"u8); break;
                case (byte)'\n': to.Write("\\n"u8); break;
                case (byte)'\f': to.Write("\\f"u8); break;
                case (byte)'\r': to.Write("\\r"u8); break;
                default: to.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"\\u{text[end]:X4}"))); break;
            }
        }
        to.Write(text);
        to.Write("\""u8);
    }

    public static void Quote(string text, IBufferWriter<byte> to) => Quote(Encoding.UTF8.GetBytes(text), to);

    public static ReadOnlyMemory<byte> Quote(ReadOnlySpan<byte> text)
    {
        var to = new ArrayBufferWriter<byte>(text.Length + text.Length / 8 + 2);
        Quote(text, to);
        return to.WrittenMemory;
    }

    /// <summary>As text: what Elixir's <c>to_string</c> makes of a key, and of an event type.</summary>
    public static string Rendered(ref Utf8JsonReader json, ReadOnlySpan<byte> all)
    {
        var start = (int)json.TokenStartIndex;
        switch (json.TokenType)
        {
            case JsonTokenType.String: return json.GetString()!;
            case JsonTokenType.Null: return "";
            case JsonTokenType.StartObject or JsonTokenType.StartArray: json.Skip(); break;
        }
        return Encoding.UTF8.GetString(all[start..(int)json.BytesConsumed]);
    }
}
