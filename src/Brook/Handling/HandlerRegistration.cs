using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection;

namespace Brook;

/// <summary>A handler as it was added: a class, or a function of one event type. Answers which step it is for a type by casts, not reflection.</summary>
internal sealed class HandlerRegistration
{
    private readonly Type? _class;
    private readonly ObjectFactory? _make;
    private readonly Delegate? _function;
    private readonly string? _type;
    private object? _shared;

    private HandlerRegistration(Type? @class, ObjectFactory? make, Delegate? function, string? type, string name) => (_class, _make, _function, _type, Name) = (@class, make, function, type, name);

    public string Name { get; }

    public static HandlerRegistration Class([DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] Type type)
        => new(type, ActivatorUtilities.CreateFactory(type, []), null, null, type.Name);

    public static HandlerRegistration Function(Delegate handle, string type) => new(null, null, handle, type, $"On(\"{type}\")");

    /// <summary>How this handler handles events of <paramref name="type"/> with data <typeparamref name="T"/>; null: it does not. A typed interface comes before the untyped one.</summary>
    public HandlerStep? StepFor<T>(string type, IServiceProvider provider)
    {
        if (_function is not null) return _type == type && _function is Func<BrookEvent<T>, Changes> function ? new(e => function((BrookEvent<T>)e), null, Name) : null;
        if (typeof(IBrookHandler<T>).IsAssignableFrom(_class))
        {
            var handler = (IBrookHandler<T>)Shared(provider);
            return new(e => handler.Handle((BrookEvent<T>)e), null, Name);
        }
        if (typeof(IAsyncBrookHandler<T>).IsAssignableFrom(_class)) return new(null, (e, context, cancellationToken) => InScopeAsync((BrookEvent<T>)e, context, provider, cancellationToken), Name);
        return Untyped(provider);
    }

    /// <summary>How this handler handles any event; null: it does not.</summary>
    public HandlerStep? Untyped(IServiceProvider provider)
    {
        if (!typeof(IBrookHandler).IsAssignableFrom(_class)) return null;
        var handler = (IBrookHandler)Shared(provider);
        return new(handler.Handle, null, Name);
    }

    private object Shared(IServiceProvider provider) => _shared ??= _make!(provider, null);

    private async ValueTask<Changes> InScopeAsync<T>(BrookEvent<T> e, HandlerContext context, IServiceProvider provider, CancellationToken cancellationToken)
    {
        var scope = provider.CreateAsyncScope();
        await using (scope.ConfigureAwait(false))
        {
            var handler = (IAsyncBrookHandler<T>)_make!(scope.ServiceProvider, null);
            try
            {
                return await handler.HandleAsync(e, context, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                if (handler is IAsyncDisposable asynchronous) await asynchronous.DisposeAsync().ConfigureAwait(false);
                else (handler as IDisposable)?.Dispose();
            }
        }
    }
}
