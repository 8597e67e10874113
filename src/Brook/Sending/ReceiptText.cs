using System.Globalization;
using System.Text;

namespace Brook;

/// <summary>A receipt as text, both ways: <c>lane:message:first-last</c> or <c>lane:first-last</c>, spans with <c>!</c> between. What is read may come from anybody.</summary>
internal static class ReceiptText
{
    private const int MaxLanes = 1024, Shown = 60;

    public static string Write(Receipt receipt)
    {
        var text = new StringBuilder();
        foreach (var span in receipt.Spans)
        {
            if (text.Length > 0) text.Append('!');
            text.Append(Escape(span.Lane)).Append(':');
            if (span.MessageId != default) text.Append(CultureInfo.InvariantCulture, $"{span.MessageId:N}:");
            text.Append(span.First);
            if (span.Last != span.First) text.Append('-').Append(span.Last);
        }
        return text.ToString();
    }

    public static Receipt? TryRead(string text, out string error)
    {
        error = "";
        if (text.Length == 0) return new([]);
        if (text.Length > Receipt.MaxTextLength)
        {
            error = string.Create(CultureInfo.InvariantCulture, $"The text has {text.Length:N0} characters; a receipt has {Receipt.MaxTextLength:N0} at most.");
            return null;
        }
        var (spans, lanes) = (new List<ReceiptSpan>(), new HashSet<string>());
        foreach (var range in text.AsSpan().Split('!'))
        {
            if (Read(text[range]) is not { } span)
            {
                error = $"'{Show(text[range])}' is no part of a receipt: that is lane:message:first-last or lane:first-last. Pass on what Receipt.ToString() gave, unchanged.";
                return null;
            }
            spans.Add(span);
            lanes.Add(span.Lane);
        }
        if (lanes.Count <= MaxLanes) return new(spans);
        error = string.Create(CultureInfo.InvariantCulture, $"The receipt names {lanes.Count:N0} lanes; a stream has {MaxLanes:N0} at most.");
        return null;
    }

    private static ReceiptSpan? Read(string part)
    {
        var parts = part.Split(':');
        if (parts.Length is not (2 or 3)) return null;
        var message = default(Guid);
        if (parts.Length == 3 && (!Guid.TryParseExact(parts[1], "N", out message) || message == default)) return null;
        var places = parts[^1].Split('-');
        if (places.Length > 2 || Place(places[0]) is not { } first || Place(places[^1]) is not { } last || last < first || (places.Length == 2 && last == first)) return null;
        var lane = Uri.UnescapeDataString(parts[0]);
        return lane.Length > 0 && Escape(lane) == parts[0] ? new(lane, message, first, last) : null;
    }

    private static long? Place(string digits) => long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place : null;

    private static string Escape(string lane) => Uri.EscapeDataString(lane).Replace("%2F", "/", StringComparison.Ordinal);

    /// <summary>What a log or a page may show of a stranger's text.</summary>
    private static string Show(string part)
    {
        var cut = part.Length > Shown ? $"{part[..Shown]}..." : part;
        return string.Concat(cut.Select(c => c is > ' ' and < '\u007f' and not ('<' or '>' or '&' or '\'' or '"') ? c : '?'));
    }
}
