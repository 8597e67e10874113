using Brook.Storage;

namespace Brook.Faults;

/// <summary>A view that a trial over a transport looks at, and who works on what it has set aside.</summary>
internal sealed class BusView : IAsyncDisposable
{
    private const int Timeout = 10_000;

    public BusView(Store store, string place, Events events, int seed, Guard? without)
    {
        Store = store.Open(place, Timeout);
        var rows = store.Open(place, Timeout);
        Releaser = new(without?.Remove?.Invoke(rows) ?? rows, events, seed, asBytes: false);
    }

    public IViewStore Store { get; }

    public Releaser Releaser { get; }

    public async ValueTask DisposeAsync()
    {
        await Releaser.DisposeAsync();
        await ((IAsyncDisposable)Store).DisposeAsync();
    }
}
