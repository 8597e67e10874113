using System.Reflection;
using System.Text;

namespace Brook;

/// <summary>The name of an event type by attribute or convention: the first word is what it is about, the rest what happened.</summary>
internal static class EventTypeNames
{
    /// <summary><c>OrderPlaced</c> -> <c>order:placed</c>, <c>OrderLineAdded</c> -> <c>order:line_added</c>, <c>SKUChanged</c> -> <c>sku:changed</c>, <c>Ping</c> -> <c>ping</c>.</summary>
    public static string Of(Type type)
    {
        if (type.GetCustomAttribute<EventTypeAttribute>() is { } given) return given.Name;
        var words = Words(type.IsInterface && type.Name.Length > 1 && type.Name[0] == 'I' && char.IsUpper(type.Name[1]) ? type.Name[1..] : type.Name);
        if (type.IsGenericType || type.IsArray || type.Namespace == nameof(System) || words.Count == 0)
            throw new BrookException($"{type} has no name an event type could be made of. Give it one: brook.Event<...>(\"order:placed\").");
        return words.Count == 1 ? words[0] : $"{words[0]}:{string.Join('_', words.Skip(1))}";
    }

    private static List<string> Words(string name)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        for (var i = 0; i < name.Length; i++)
        {
            var starts = char.IsUpper(name[i]) && (i == 0 || !char.IsUpper(name[i - 1]) || (i + 1 < name.Length && char.IsLower(name[i + 1])));
            if ((starts || name[i] == '_') && word.Length > 0)
            {
                words.Add(word.ToString());
                word.Clear();
            }
            if (name[i] != '_') word.Append(char.ToLowerInvariant(name[i]));
        }
        if (word.Length > 0) words.Add(word.ToString());
        return words;
    }
}
