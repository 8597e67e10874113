using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Brook;

/// <summary>
/// Types whose values are all that their JSON says and can never change: simple ones, and structs and sealed classes (records) of nothing but properties
/// of simple types that JSON writes and reads, init-only in a class. An object of one may be used again where another's JSON must be read again. Thread safe.
/// </summary>
internal sealed class PlainTypes(JsonSerializerOptions options)
{
    private static readonly HashSet<Type> s_simple =
    [
        typeof(bool), typeof(byte), typeof(sbyte), typeof(short), typeof(ushort), typeof(int), typeof(uint), typeof(long), typeof(ulong), typeof(float), typeof(double), typeof(decimal),
        typeof(char), typeof(string), typeof(Guid), typeof(DateTime), typeof(DateTimeOffset), typeof(DateOnly), typeof(TimeOnly), typeof(TimeSpan),
    ];

    private readonly ConcurrentDictionary<Type, bool> _known = new();

    public bool Contain<T>() => _known.TryGetValue(typeof(T), out var plain) ? plain : _known.GetOrAdd(typeof(T), static (type, options) => IsPlain(type, options), options);

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "In a trimmed program no type is taken for plain.")]
    [UnconditionalSuppressMessage("Trimming", "IL2067", Justification = "As above.")]
    private static bool IsPlain(Type type, JsonSerializerOptions options)
    {
        if (options.Converters.Count > 0 || options.DefaultIgnoreCondition != JsonIgnoreCondition.Never) return false;      // who knows what they keep
        if (IsSimple(type)) return true;
        if (!RuntimeFeature.IsDynamicCodeSupported || (!type.IsValueType && (!type.IsClass || !type.IsSealed || type.BaseType != typeof(object)))) return false;
        if (options.GetTypeInfo(type) is not { Kind: JsonTypeInfoKind.Object, PolymorphismOptions: null } info) return false;
        var kept = info.Properties.Where(IsKept).Select(property => (property.AttributeProvider as PropertyInfo)?.Name).ToHashSet();
        return type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            .All(field => (field.IsInitOnly || type.IsValueType) && IsSimple(field.FieldType) && field.Name.EndsWith(">k__BackingField", StringComparison.Ordinal) && kept.Contains(field.Name[1..field.Name.IndexOf('>')]));
    }

    private static bool IsKept(JsonPropertyInfo property) => property is { Get: not null, ShouldSerialize: null, CustomConverter: null, IsExtensionData: false } && (property.Set is not null || property.AssociatedParameter is not null);

    private static bool IsSimple(Type type) => s_simple.Contains(Nullable.GetUnderlyingType(type) ?? type) || type.IsEnum;
}
