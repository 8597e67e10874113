using System.Text;
using System.Text.Json.Nodes;
using Brook.Storage;
using static Brook.Tests.Shared.Entries;

namespace Brook.Stores.Tests.Support;

/// <summary>All that a store holds, as text; without versions, which a copy has of its own.</summary>
internal static class Shown
{
    /// <param name="store">The store.</param>
    /// <param name="asJson">jsonb is on the way: values are compared as JSON, not byte for byte. Logs always are.</param>
    public static async Task<string> ShowAsync(this IViewStore store, bool asJson)
    {
        var text = new StringBuilder();
        foreach (var collection in (await store.ReadCollectionsAsync(Token).ToListAsync(Token)).Order(StringComparer.Ordinal))
        {
            text.AppendLine($"{Visible(collection)}: {await store.CountAsync(collection, Token)}");
            var entries = new List<KeyValuePair<string, StoredEntry>>();
            string? after = null;
            do
            {
                var page = await store.ReadPageAsync(collection, "", after, 1000, Token);
                entries.AddRange(page.Entries);
                after = page.Next;
            }
            while (after is not null);
            foreach (var (key, entry) in entries.OrderBy(entry => entry.Key, StringComparer.Ordinal))
            {
                text.AppendLine($"  {Visible(key)} = {Value(entry.Value, asJson)}{(entry.ExpiresAt is { } end ? $" until {end:O}" : "")}");
                await foreach (var record in store.ReadLogAsync(new(collection, key), null, Token)) text.AppendLine($"    {Encoding.UTF8.GetString(record.Span)}");
                foreach (var type in (string[])["placed", "shipped"])
                    text.AppendLine($"    {type}: {await store.ReadLogAsync(new(collection, key), type, Token).CountAsync(Token)}");
            }
        }
        return text.ToString();
    }

    /// <summary>An object's properties in one order, without blanks.</summary>
    public static string Sorted(ReadOnlyMemory<byte> json) => json.Span[0] is (byte)'{' or (byte)'[' ? Sorted(JsonNode.Parse(json.Span))!.ToJsonString() : Encoding.UTF8.GetString(json.Span);

    private static string Value(ReadOnlyMemory<byte> value, bool asJson) => asJson ? Sorted(value) : Encoding.UTF8.GetString(value.Span);

    private static JsonNode? Sorted(JsonNode? node) => node switch
    {
        JsonObject properties => new JsonObject(properties.OrderBy(property => property.Key, StringComparer.Ordinal).Select(property => new KeyValuePair<string, JsonNode?>(property.Key, Sorted(property.Value)))),
        JsonArray items => new JsonArray([.. items.Select(Sorted)]),
        _ => node?.DeepClone(),
    };

    private static string Visible(string name) => string.Concat(name.Select(letter => letter is >= ' ' and <= '~' ? letter.ToString() : $"\\u{(int)letter:x4}"));
}
