using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Brook.Lanes;
using Brook.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Options;

namespace Brook;

/// <summary>Sets one instance up: what <c>AddBrook</c> and <c>AddBrookInProcess</c> hand to their callback. Store and transport packages add verbs to it. Not thread safe; not used after the callback.</summary>
public sealed class BrookBuilder
{
    private readonly List<EventMapping> _events = [];
    private readonly List<HandlerRegistration> _handlers = [];
    private readonly List<Action> _checks = [];
    private readonly Lazy<Dictionary<string, EventMapping>> _keys;
    private Func<IServiceProvider, IViewStore>? _store;

    internal BrookBuilder(string name, IServiceCollection services)
    {
        (Name, Services, Serializer) = (name, services, DefaultSerializer());
        _keys = new(() => _events.ToDictionary(e => e.Name));
    }

    /// <summary>Empty for the default instance, else the key of its services.</summary>
    public string Name { get; }

    /// <summary>The application's services, for packages that add verbs.</summary>
    public IServiceCollection Services { get; }

    /// <summary>The instance's options.</summary>
    public BrookOptions Options { get; } = new();

    /// <summary>True after <see cref="SendOnly"/>.</summary>
    public bool IsSendOnly { get; private set; }

    /// <summary>The view is in this process's memory.</summary>
    public bool IsInMemory { get; private set; } = true;

    /// <summary>Every process has the whole view.</summary>
    public bool IsPerNode { get; private set; }

    internal IBrookSerializer Serializer { get; private set; }

    /// <summary>Who sends: stamped on events that have no author of their own.</summary>
    public BrookBuilder Author(string author)
    {
        Options.Author = author;
        return this;
    }

    /// <summary>
    /// Adds every handler interface of <typeparamref name="THandler"/>; handlers run in the order they are added. Synchronous ones are one object per instance,
    /// asynchronous ones are made in a scope per event. In a native AOT program name the handled events with <see cref="Event{T}"/> as well; what is missing is reported.
    /// </summary>
    /// <exception cref="BrookException">The class is no handler, or an event type's name cannot be made.</exception>
    public BrookBuilder AddHandler<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.Interfaces)] THandler>() where THandler : class
    {
        var handled = HandledTypes(typeof(THandler)).ToList();
        if (handled.Count == 0 && !typeof(IBrookHandler).IsAssignableFrom(typeof(THandler)))
            throw new BrookException($"{typeof(THandler).Name} implements none of IBrookHandler<T>, IAsyncBrookHandler<T> and IBrookHandler, so it can handle nothing. Add one of them to the class.");
        _handlers.Add(HandlerRegistration.Class(typeof(THandler)));
        if (RuntimeFeature.IsDynamicCodeSupported) AddHandledEvents(handled);
        _checks.Add(() => CheckHandledEvents(typeof(THandler).Name, handled));
        return this;
    }

    /// <summary>Maps <typeparamref name="T"/> to an event type (by default its attribute, or its name in words: <c>OrderPlaced</c> is <c>order:placed</c>), with the key of events that carry none.</summary>
    /// <exception cref="BrookException">Another .NET type is mapped to that event type already, or it is empty.</exception>
    public BrookBuilder Event<T>(string? type = null, Func<T, string?>? key = null)
    {
        var name = type ?? _events.Find(e => e.DataType == typeof(T))?.Name ?? EventTypeNames.Of(typeof(T));
        _events.RemoveAll(e => e.DataType == typeof(T) && (type is null || e.Implied || e.Name == name));
        return Add(new EventMapping<T>(name, key, Implied: false));
    }

    /// <summary>Handles one event type with a function.</summary>
    /// <exception cref="BrookException">Another .NET type is mapped to that event type already, or it is empty.</exception>
    public BrookBuilder On<T>(string type, Func<BrookEvent<T>, Changes> handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        if (!_events.Exists(e => e.DataType == typeof(T) && e.Name == type)) Add(new EventMapping<T>(type, null, Implied: false));
        _handlers.Add(HandlerRegistration.Function(handle, type));
        return this;
    }

    /// <summary>The view is built anew from its stream: events sent before <paramref name="time"/> change it and send nothing (<see cref="BrookOptions.ReplayUntil"/>). Those sent later are handled as ever.</summary>
    /// <param name="time">When the view that has handled them before was stopped.</param>
    public BrookBuilder ReplayUntil(DateTimeOffset time)
    {
        Options.ReplayUntil = time;
        return this;
    }

    /// <summary>
    /// Handlers that throw this are not tried again: the event is set aside at once, and stays until somebody asks (<see cref="IParkedEvents"/>). For what another attempt would not change.
    /// Classes derived from it count as well, and what Brook wraps.
    /// </summary>
    /// <param name="when">Which of them; null: all.</param>
    public BrookBuilder SetAsideAtOnce<TException>(Func<TException, bool>? when = null) where TException : Exception
    {
        Options.FinalErrors.Add(error => error is TException exception && (when is null || when(exception)));
        return this;
    }

    /// <summary>The application sends events and has no view: no handlers, no store, no lanes.</summary>
    public BrookBuilder SendOnly()
    {
        IsSendOnly = true;
        return this;
    }

    /// <summary>Keeps the view in this store. One store object serves one instance.</summary>
    public BrookBuilder UseStore(Func<IServiceProvider, IViewStore> store)
    {
        ArgumentNullException.ThrowIfNull(store);
        (_store, IsInMemory, IsPerNode) = (store, false, false);
        return this;
    }

    /// <summary>Keeps the view in memory: it ends with the process. The default.</summary>
    /// <param name="perNode">On a broker: every process has queues of its own and so the whole view, from its start on. Without it several processes would share the events, and an instance on a broker does not start.</param>
    public BrookBuilder UseInMemory(bool perNode = false)
    {
        UseStore(provider => new InMemoryViewStore(Time(provider)));
        (IsInMemory, IsPerNode) = (true, perNode);
        return this;
    }

    /// <summary>System.Text.Json with these options; give them a source-generated resolver for trimmed programs. Default: <see cref="JsonSerializerOptions.Web"/>.</summary>
    public BrookBuilder UseJson(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxDepth > SystemTextJsonSerializer.MaxDepth)
            throw new BrookException(string.Create(CultureInfo.InvariantCulture, $"MaxDepth of the JSON options is {options.MaxDepth:N0}; it must be {SystemTextJsonSerializer.MaxDepth:N0} at most, or data that is nested deeper could end the process. Flatten the data, or leave it at its default of 64."));
        if (options.TypeInfoResolver is null && JsonSerializer.IsReflectionEnabledByDefault) options = WithReflection(options);
        options.MakeReadOnly();
        return UseSerializer(new SystemTextJsonSerializer(options));
    }

    /// <summary>Another way to make JSON of event data and values.</summary>
    public BrookBuilder UseSerializer(IBrookSerializer serializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        Serializer = serializer;
        return this;
    }

    /// <summary>
    /// What a transport package's <c>AddBrook</c> calls: registers the instance's <see cref="IBrook"/>, <see cref="IBrookView"/>, <see cref="IParkedEvents"/>, <see cref="IBrookStatus"/> and
    /// <see cref="BrookEngine"/>, keyed by name, and its health check; those of the default instance plain as well. The package registers <see cref="IBrookTransport"/> under the same key.
    /// </summary>
    /// <exception cref="BrookException">The name is taken, or the setup is not valid; errors of the options come all together.</exception>
    public static BrookBuilder Register(IServiceCollection services, string name, Action<BrookBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(name);
        ArgumentNullException.ThrowIfNull(configure);
        if (name == Names.OfInstance("")) throw new BrookException("'brook' is what the default instance is called in queues and logs. Give a named instance another name, or none.");
        if (services.Any(service => service.ServiceType == typeof(BrookBuilder) && Equals(service.ServiceKey, name)))
            throw new BrookException(name.Length == 0 ? "The default Brook instance was added twice. Give the second one a name: AddBrook(\"name\", ...)." : $"The Brook instance '{name}' was added twice. Give the second one another name.");
        var builder = new BrookBuilder(name, services);
        configure(builder);
        builder.Validate();
        services.AddKeyedSingleton(name, builder);
        services.AddKeyedSingleton<IBrookStatus>(name, (provider, _) => builder.IsSendOnly ? new StatusReader(name, builder.Options, null, () => provider.GetKeyedService<IBrookTransport>(name), Time(provider)) : EngineOf(provider, name).Status);
        services.AddSingleton<IConfigureOptions<HealthCheckServiceOptions>>(new BrookHealthCheckOptions(name));
        services.AddKeyedSingleton<IBrook>(name, (provider, _) => new EventSender(name, builder.Options, builder.KeyOf, builder.Serializer, provider.GetRequiredKeyedService<IBrookTransport>(name), Time(provider)));
        if (!builder.IsSendOnly)
        {
            services.AddKeyedSingleton(name, (provider, _) => builder.Build(provider));
            services.AddKeyedSingleton<IBrookView>(name, (provider, _) => EngineOf(provider, name) is var engine ? new BrookView(engine.Store, engine) : null!);
            services.AddKeyedSingleton<IParkedEvents>(name, (provider, _) => new ParkedEvents(EngineOf(provider, name)));
        }
        if (name.Length > 0) return builder;
        services.AddSingleton(provider => provider.GetRequiredKeyedService<IBrook>(name));
        services.AddSingleton(provider => provider.GetRequiredKeyedService<IBrookStatus>(name));
        if (builder.IsSendOnly) return builder;
        services.AddSingleton(provider => provider.GetRequiredKeyedService<IBrookView>(name));
        services.AddSingleton(provider => provider.GetRequiredKeyedService<IParkedEvents>(name));
        return builder;
    }

    /// <summary>An event's own key, or the one its mapping makes: what decides its partition.</summary>
    private string? KeyOf(BrookEvent e) => e.Key ?? (_keys.Value.TryGetValue(e.Type, out var mapping) ? mapping.KeyOf(e) : null);

    private static BrookEngine EngineOf(IServiceProvider provider, string name) => provider.GetRequiredKeyedService<BrookEngine>(name);

    private static TimeProvider Time(IServiceProvider provider) => provider.GetService<TimeProvider>() ?? TimeProvider.System;

    private BrookEngine Build(IServiceProvider provider)
    {
        var store = _store?.Invoke(provider) ?? new InMemoryViewStore(Time(provider));
        var untyped = _handlers.Select(handler => handler.Untyped(provider)).OfType<HandlerStep>().ToArray();
        var types = new EventTypes(_events.Select(e => e.Build(_handlers, provider, Options)), untyped, Options);
        return new(Name, Options, types, store, Serializer, () => provider.GetKeyedService<IBrookTransport>(Name), Time(provider), Logging.For(provider));
    }

    private void Validate()
    {
        Options.Validate(Name);
        foreach (var check in _checks) check();
        if (IsSendOnly && (_handlers.Count > 0 || _store is not null))
            throw new BrookException($"Brook instance '{Names.OfInstance(Name)}' is SendOnly() but has a handler or a store, which would never be used. Remove one or the other.");
    }

    private BrookBuilder Add(EventMapping mapping)
    {
        if (string.IsNullOrWhiteSpace(mapping.Name)) throw new BrookException($"The event type of {mapping.DataType.Name} is empty, so no event could ever be one. Give it a name: \"order:placed\", for instance.");
        if (_events.Find(e => e.Name == mapping.Name) is { } other)
            throw new BrookException($"The event type '{mapping.Name}' is mapped to {other.DataType.Name} and to {mapping.DataType.Name}. One event type is one .NET type: give one of them another name.");
        _events.Add(mapping);
        return this;
    }

    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Called only where dynamic code is supported.")]
    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "EventMapping<T> keeps its constructor: it is used in this class.")]
    private void AddHandledEvents(IEnumerable<Type> handled)
    {
        foreach (var type in handled)
            if (!_events.Exists(e => e.DataType == type)) Add(EventMapping.ByReflection(type, EventTypeNames.Of(type)));
    }

    private void CheckHandledEvents(string handler, IEnumerable<Type> handled)
    {
        if (handled.FirstOrDefault(type => !_events.Exists(e => e.DataType == type)) is { } missing)
            throw new BrookException($"{handler} handles {missing.Name}, which is mapped to no event type. Native AOT cannot find it out: add brook.Event<{missing.Name}>().");
    }

    private static IEnumerable<Type> HandledTypes([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.Interfaces)] Type handler) => handler.GetInterfaces()
        .Where(i => i.IsGenericType && (i.GetGenericTypeDefinition() == typeof(IBrookHandler<>) || i.GetGenericTypeDefinition() == typeof(IAsyncBrookHandler<>)))
        .Select(i => i.GetGenericArguments()[0]).Distinct();

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Reflection is the default only where it is enabled; a trimmed program must call UseJson.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "As above.")]
    private static SystemTextJsonSerializer DefaultSerializer() => new(JsonSerializer.IsReflectionEnabledByDefault
        ? JsonSerializerOptions.Web
        : new JsonSerializerOptions(JsonSerializerDefaults.Web) { TypeInfoResolver = JsonTypeInfoResolver.Combine() });

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Called only where reflection is enabled.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "As above.")]
    private static JsonSerializerOptions WithReflection(JsonSerializerOptions options) => new(options) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };
}
