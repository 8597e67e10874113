using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Brook.Tests.Decoding;

/// <summary>Random events as applications send them, from a seed.</summary>
internal sealed class SomeEvents(int seed)
{
    private static readonly string[] Texts =
        ["a", "order:placed", "42", "x y", "é", "日本", "😀", "\"", "\\", "\"}", "\n", "\t", "\0", "\u001f", "\u007f", "/", "'", "<&>", "\u2028", "{\"id\":1}", ",\"data\":", "null", "\ufffd", "Ünïcödé", new string('k', 300)];

    private static readonly IBrookSerializer[] Serializers =
    [
        new SystemTextJsonSerializer(JsonSerializerOptions.Web),
        new SystemTextJsonSerializer(Options(new JsonSerializerOptions(JsonSerializerDefaults.Web) { WriteIndented = true })),
        new Indented("\r\n"),
        new SystemTextJsonSerializer(Options(new JsonSerializerOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping })),
    ];

    private readonly Random _random = new(seed);
    private bool _plain;        // only what the fast way takes

    public BrookEvent Next()
    {
        _plain = _random.Next(2) == 0;
        var id = _random.Next(2) == 0 ? Guid.CreateVersion7() : new Guid(_random.Next(), 0, 0, new byte[8]);
        var e = new BrookEvent<JsonNode?>(Text(notBlank: true), Data(3))
        {
            Id = id, HasCallersId = _random.Next(2) == 0, Author = _random.Next(4) == 0 ? "" : Text(), Key = _random.Next(3) == 0 ? null : Text(),
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(_random.Next(4) switch { 0 => 0, 1 when !_plain => -_random.NextInt64(62_135_596_800_000), 2 => _random.NextInt64(253_402_300_800_000), _ => 1_591_619_696_123 }),
            Headers = !_plain && _random.Next(4) == 0 ? Enumerable.Range(0, _random.Next(1, 4)).ToDictionary(i => $"{i}{Text()}", _ => Text()) : BrookEvent.NoHeaders,
        };
        return e;
    }

    public byte[] Record(BrookEvent e)
    {
        var line = new ArrayBufferWriter<byte>();
        EventWriter.Write(e, Serializers[_random.Next(Serializers.Length)], line);
        return line.WrittenSpan.ToArray();
    }

    /// <summary>A few bytes changed, added, removed or repeated.</summary>
    public byte[] Mutated(byte[] record)
    {
        var bytes = record.ToList();
        for (var times = _random.Next(1, 4); times > 0 && bytes.Count > 2; times--)
        {
            var at = _random.Next(bytes.Count);
            switch (_random.Next(5))
            {
                case 0: bytes[at] = (byte)_random.Next(256); break;
                case 1: bytes.Insert(at, (byte)"0 \"\\{}[],:\n\u007f+-.e"[_random.Next(16)]); break;
                case 2: bytes.RemoveAt(at); break;
                case 3: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(_random.Next(20), bytes.Count - at))); break;
                default: bytes[at] = bytes[_random.Next(bytes.Count)]; break;
            }
        }
        return [.. bytes];
    }

    private string Text(bool notBlank = false)
    {
        if (_plain) return Texts[_random.Next(3)];
        var text = string.Concat(Enumerable.Range(0, _random.Next(1, 4)).Select(_ => Texts[_random.Next(Texts.Length)]));
        return notBlank && string.IsNullOrWhiteSpace(text) ? "t" : text;
    }

    private JsonNode? Data(int depth) => _random.Next(depth > 0 ? 7 : 5) switch
    {
        0 => null,
        1 => JsonValue.Create(_random.Next()),
        2 => JsonValue.Create(_random.NextDouble()),
        3 => JsonValue.Create(Text()),
        4 => JsonValue.Create(_random.Next(2) == 0),
        5 => new JsonArray([.. Enumerable.Range(0, _random.Next(4)).Select(_ => Data(depth - 1))]),
        _ => new JsonObject(Enumerable.Range(0, _random.Next(4)).Select(i => KeyValuePair.Create($"{i}{Text()}", Data(depth - 1)))),
    };

    private static JsonSerializerOptions Options(JsonSerializerOptions options)
    {
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }

    /// <summary>What a serializer of one's own might write: indented, with blanks around.</summary>
    private sealed class Indented(string newLine) : IBrookSerializer
    {
        private readonly JsonSerializerOptions _options = Options(new JsonSerializerOptions { WriteIndented = true, NewLine = newLine });

        public T? Read<T>(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize<T>(json, _options);

        public void Write<T>(T value, IBufferWriter<byte> json) => json.Write(Encoding.UTF8.GetBytes($"\n {JsonSerializer.Serialize(value, _options)}{newLine}"));
    }
}
