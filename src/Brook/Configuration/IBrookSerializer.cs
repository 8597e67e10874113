using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Brook;

/// <summary>How event data and stored values become JSON and back. Thread safe.</summary>
public interface IBrookSerializer
{
    /// <summary>Reads one JSON value.</summary>
    /// <exception cref="JsonException">It is not JSON, or not a <typeparamref name="T"/>.</exception>
    T? Read<T>(ReadOnlySpan<byte> json);

    /// <summary>Writes one JSON value in UTF-8. Line breaks between tokens are replaced by blanks: events travel as lines.</summary>
    void Write<T>(T value, IBufferWriter<byte> json);
}

internal sealed class SystemTextJsonSerializer : IBrookSerializer
{
    /// <summary>How deep options may let JSON be: objects in objects are read by calls in calls, and a thread's stack is limited.</summary>
    public const int MaxDepth = 1000;

    [ThreadStatic] private static Utf8JsonWriter? s_writer;
    private readonly JsonSerializerOptions _options;
    private readonly JsonWriterOptions _writing;

    public SystemTextJsonSerializer(JsonSerializerOptions options)
    {
        _options = options;
        Plain = new PlainTypes(options);
        _writing = new JsonWriterOptions { SkipValidation = true, Encoder = options.Encoder, MaxDepth = options.MaxDepth };
    }

    public PlainTypes Plain { get; }

    public T? Read<T>(ReadOnlySpan<byte> json) => JsonSerializer.Deserialize(json, Info<T>());

    public void Write<T>(T value, IBufferWriter<byte> json)
    {
        var writer = s_writer;
        s_writer = null;                                    // a converter of the user's may come back here
        if (writer is null || writer.Options.Encoder != _writing.Encoder || writer.Options.MaxDepth != _writing.MaxDepth) writer = new Utf8JsonWriter(json, _writing);
        else writer.Reset(json);
        JsonSerializer.Serialize(writer, value, Info<T>());
        writer.Flush();
        writer.Reset(Stream.Null);
        s_writer = writer;
    }

    private JsonTypeInfo<T> Info<T>() => (JsonTypeInfo<T>)_options.GetTypeInfo(typeof(T));
}
