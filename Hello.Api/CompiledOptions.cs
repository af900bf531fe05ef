using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Hello.Api;

/// <summary>
/// Registers <see cref="IOptions{TOptions}"/> and <see cref="IOptionsMonitor{TOptions}"/>, which call the same setup
/// actions in the same order as the container's. They never change, because no setting does. Few types have
/// <typeparamref name="TOptions"/> in their name, because each costs the binary 10,000 bytes: a dictionary of objects, and no lists.
/// https://learn.microsoft.com/dotnet/core/extensions/options
/// </summary>
internal sealed class CompiledOptions<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] TOptions>
    : GenericService, IOptions<TOptions>, IOptionsMonitor<TOptions>
    where TOptions : class
{
    private Dictionary<string, object>? _made;
    private IServiceProvider? _provider;
    private ServiceDescriptor[]? _setups, _afterwards, _checks, _factories;

    /// <inheritdoc/>
    public TOptions Value => Get(Options.DefaultName);

    /// <inheritdoc/>
    public TOptions CurrentValue => Get(Options.DefaultName);

    /// <inheritdoc/>
    public override void AddTo(IServiceCollection services, ServiceDescriptor[] registered)
    {
        _made = [];
        _setups = Of(typeof(IConfigureOptions<TOptions>), services, registered);
        _afterwards = Of(typeof(IPostConfigureOptions<TOptions>), services, registered);
        _checks = Of(typeof(IValidateOptions<TOptions>), services, registered);
        _factories = Of(typeof(IOptionsFactory<TOptions>), services, registered);
        Add(typeof(IOptions<TOptions>), () => this);
        Add(typeof(IOptionsMonitor<TOptions>), () => this);
        if (_factories.Length > 0)
        {
            // The factories ask for these.
            Add(typeof(IEnumerable<IConfigureOptions<TOptions>>), Setups);
            Add(typeof(IEnumerable<IPostConfigureOptions<TOptions>>), Afterwards);
            Add(typeof(IEnumerable<IValidateOptions<TOptions>>), Checks);
        }

        void Add(Type type, Func<object> make) => services.AddSingleton(type, provider =>
        {
            _provider = provider;
            return make();
        });
    }

    /// <inheritdoc/>
    public TOptions Get(string? name)
    {
        lock (_made!)
        {
            name ??= Options.DefaultName;
            if (!_made.TryGetValue(name, out var options))
            {
                // OpenTelemetry has factories of its own, which read the variables.
                _made[name] = options = _factories is [.., var factory]
                    ? ((IOptionsFactory<TOptions>)Make(factory)).Create(name)
                    : new OptionsFactory<TOptions>(Setups(), Afterwards(), Checks()).Create(name);
            }

            return (TOptions)options;
        }
    }

    /// <inheritdoc/>
    public IDisposable? OnChange(Action<TOptions, string?> listener) => null;

    private IConfigureOptions<TOptions>[] Setups() => (IConfigureOptions<TOptions>[])Fill(new IConfigureOptions<TOptions>[_setups!.Length], _setups);

    private IPostConfigureOptions<TOptions>[] Afterwards() => (IPostConfigureOptions<TOptions>[])Fill(new IPostConfigureOptions<TOptions>[_afterwards!.Length], _afterwards);

    private IValidateOptions<TOptions>[] Checks() => (IValidateOptions<TOptions>[])Fill(new IValidateOptions<TOptions>[_checks!.Length], _checks);

    private object[] Fill(object[] array, ServiceDescriptor[] services)
    {
        for (var i = 0; i < array.Length; i++)
        {
            array[i] = Make(services[i]);
        }

        return array;
    }

    private object Make(ServiceDescriptor service) =>
        service.ImplementationInstance ?? service.ImplementationFactory?.Invoke(_provider!) ?? _provider!.GetRequiredService(service.ImplementationType!);

    /// <summary>What is registered as a service, in its order.</summary>
    private static ServiceDescriptor[] Of(Type type, IServiceCollection services, ServiceDescriptor[] registered)
    {
        var found = Array.FindAll(registered, service => service.ServiceType == type && !service.IsKeyedService);
        foreach (var service in found)
        {
            if (service.ImplementationType is { } implementation)
            {
                services.TryAddSingleton(implementation); // so that the container can make it
            }
        }

        return found;
    }
}
