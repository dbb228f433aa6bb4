// The parts of `finewatt carbon` that show its tables: editions and places.
#pragma once

namespace CLI {
class App;
}

namespace finewatt::app {

struct CommandContext;

/// Add `carbon editions`: one line for each edition of each table.
void add_carbon_editions(CLI::App& carbon, CommandContext& context);

/// Add `carbon places [TEXT]`: the places whose code or name holds the text.
void add_carbon_places(CLI::App& carbon, CommandContext& context);

}  // namespace finewatt::app
