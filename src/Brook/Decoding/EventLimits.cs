using System.Globalization;
using Brook.Lanes;

namespace Brook;

/// <summary>How much an event may have (docs/limits.md). What is over is refused by its sender and set aside by its lane; nothing is cut. Lengths are compared, no text is walked.</summary>
internal static class EventLimits
{
    public const int MaxTypeBytes = 1024, MaxAuthorBytes = 1024, MaxHeaderNameBytes = 1024;
    public const int MaxHeaders = 128, MaxHeaderCharacters = 64 * 1024;

    /// <summary>Null, or what of a received event is over its limit.</summary>
    /// <param name="raw">As it came.</param>
    /// <param name="maxBytes">Of the whole event.</param>
    public static string? Over(in EventEnvelope raw, int maxBytes) => OverBytes(raw.Record.Length, maxBytes) ?? Over(raw.Type, raw.Author, raw.Headers);

    /// <summary>Null, or why what has so many bytes is not looked into.</summary>
    public static string? OverBytes(int bytes, int maxBytes)
        => bytes > maxBytes ? string.Create(CultureInfo.InvariantCulture, $"it has {bytes:N0} bytes, and {maxBytes:N0} are taken (MaxReceivedBytes)") : null;

    /// <summary>Null, or what beside the data is over its limit.</summary>
    public static string? Over(string? type, string? author, IReadOnlyDictionary<string, string>? headers)
    {
        if (Names.IsLonger(type, MaxTypeBytes)) return Said("its type", Names.Show(type), MaxTypeBytes);
        if (Names.IsLonger(author, MaxAuthorBytes)) return Said("its author", Names.Show(author), MaxAuthorBytes);
        return headers is { Count: > 0 } ? OverHeaders(headers) : null;
    }

    private static string? OverHeaders(IReadOnlyDictionary<string, string> headers)
    {
        if (headers.Count > MaxHeaders) return string.Create(CultureInfo.InvariantCulture, $"it has {headers.Count:N0} headers; the limit is {MaxHeaders}");
        var characters = 0L;
        foreach (var (name, value) in headers)
        {
            if (Names.IsLonger(name, MaxHeaderNameBytes)) return Said("the name of a header", Names.Show(name), MaxHeaderNameBytes);
            characters += name.Length + (value?.Length ?? 0);
        }
        return characters > MaxHeaderCharacters ? string.Create(CultureInfo.InvariantCulture, $"its headers have {characters:N0} characters; the limit is {MaxHeaderCharacters:N0}") : null;
    }

    private static string Said(string what, string shown, int limit) => string.Create(CultureInfo.InvariantCulture, $"{what}, '{shown}', has more than {limit:N0} bytes of UTF-8");
}
