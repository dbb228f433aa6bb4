// finewatt tokenize: text in, WordPiece ids and offsets out.

#include "finewatt/command.h"
#include "finewatt/tokenize_lines.h"

#include <CLI/CLI.hpp>

#include <iostream>
#include <memory>

namespace finewatt::app {

void register_tokenize(CLI::App& app, CommandContext& context) {
    auto options =
        std::make_shared<TokenizeOptions>();  // shared with the callback, which runs later
    auto* command = app.add_subcommand(
        "tokenize",
        "Turn JSON lines {\"text\": ..., \"pair\": ...} on standard input into WordPiece ids and "
        "offsets");
    command->add_option("--vocab", options->vocab, "A vocab.txt, or the folder of a model")
        ->required();
    command->add_flag("--cased", options->cased, "Keep case and accents");
    command
        ->add_option("--max-length", options->max_length_tokens,
                     "Longest result in tokens, special tokens included")
        ->check(CLI::NonNegativeNumber);
    command->add_flag("--special", options->special, "Add [CLS] and [SEP]");
    command->footer(
        "Example: echo '{\"text\": \"Hello\"}' | finewatt tokenize --vocab vocab.txt --json");
    command->callback([options, &context] {
        options->json = context.common.json;
        // Many short lines: neither C's streams nor a flush for every read are needed.
        std::ios::sync_with_stdio(false);
        std::cin.tie(nullptr);
        Status status = run_tokenize(*options, std::cin, std::cout);
        std::cout.flush();
        if (!status) {
            fail(context, kBadInput, status.error());
        }
    });
}

}  // namespace finewatt::app
