using System.Diagnostics.CodeAnalysis;

namespace Brook;

/// <summary>An event type as it was mapped, before the handlers exist.</summary>
internal abstract record EventMapping(string Name, Type DataType, bool Implied)
{
    /// <summary>The key of an event that carries none; null: it has none.</summary>
    public abstract string? KeyOf(BrookEvent e);

    public abstract EventType Build(IEnumerable<HandlerRegistration> handlers, IServiceProvider provider, BrookOptions options);

    [RequiresDynamicCode("Closes EventMapping<T> over a handled type.")]
    [RequiresUnreferencedCode("Makes EventMapping<T> by reflection.")]
    public static EventMapping ByReflection(Type data, string name)
        => (EventMapping)Activator.CreateInstance(typeof(EventMapping<>).MakeGenericType(data), name, null, true)!;
}

internal sealed record EventMapping<T>(string Name, Func<T, string?>? Key, bool Implied) : EventMapping(Name, typeof(T), Implied)
{
    public override string? KeyOf(BrookEvent e) => Key is not null && e is BrookEvent<T> typed ? Key(typed.Data) : null;

    public override EventType Build(IEnumerable<HandlerRegistration> handlers, IServiceProvider provider, BrookOptions options)
        => new EventType<T>(Name, Key, [.. handlers.Select(handler => handler.StepFor<T>(Name, provider)).OfType<HandlerStep>()], options.LogLimitOf(Name));
}
